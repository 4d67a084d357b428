#include "proxy/prober.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/gateway.h"
#include "test/loop.h"
#include "test/peer.h"
#include "test/scripted_server.h"

namespace olla::proxy {
namespace {

using fleet::Health;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// An endpoint that the test turns up and down.
class Endpoint {
 public:
  explicit Endpoint(test::Loop& loop)
      : server(loop, [this](test::Peer& peer, const std::string& request) {
          if (request.starts_with("GET /v1/models ")) {
            ++model_lists_asked;
            peer.send(model_list);
          } else {
            ++checks;
            if (!silent) peer.send(test::sized_answer(up ? "200 OK" : "500 No", ""));
          }
        }) {}

  bool up = true;
  bool silent = false;
  int checks = 0;
  int model_lists_asked = 0;
  std::string model_list = test::sized_answer("200 OK", R"({"data":[{"id":"b"},{"id":"a"}]})");
  test::ScriptedServer server;
};

config::Config checked_often(const std::vector<std::uint16_t>& ports) {
  config::Config config = test::config_for(ports);
  for (config::Endpoint& endpoint : config.endpoints) {
    endpoint.check_interval = milliseconds(5);
    endpoint.check_timeout = seconds(5);
  }
  return config;
}

/// A prober and what it published.
class Probing {
 public:
  Probing(test::Loop& loop, config::Config config_in)
      : config(std::move(config_in)),
        loop_(loop),
        prober(loop.io(), deadlines_, fleet, logger,
               [this](std::shared_ptr<const fleet::Snapshot> snapshot) {
                 published.push_back(std::move(snapshot));
               }) {
    prober.start();
  }
  ~Probing() {
    prober.stop();
    deadlines_.expire_all();
    loop_.run_ready();
  }
  Probing(const Probing&) = delete;
  Probing& operator=(const Probing&) = delete;

  [[nodiscard]] Health health(std::size_t i = 0) const {
    return published.empty() ? Health::kUnknown : published.back()->endpoints[i].health;
  }
  void wait_for(Health health_wanted, std::size_t i = 0) {
    loop_.run_until([&] { return health(i) == health_wanted; });
  }

  const config::Config config;
  log::Logger logger{config.logging};
  fleet::Fleet fleet{config.endpoints};
  std::vector<std::shared_ptr<const fleet::Snapshot>> published;

 private:
  test::Loop& loop_;
  net::Deadlines deadlines_{loop_.io()};

 public:
  Prober prober;
};

struct ProberTest : testing::Test {
  test::Loop loop;
  Endpoint endpoint{loop};
};

TEST_F(ProberTest, PublishesAnEndpointThatComesUpAndThenItsModels) {
  Probing probing(loop, checked_often({endpoint.server.port()}));
  EXPECT_THAT(probing.published, IsEmpty());
  loop.run_until([&] { return probing.published.size() == 2; });
  const fleet::EndpointView& up = probing.published[0]->endpoints[0];
  EXPECT_EQ(up.health, Health::kHealthy);
  ASSERT_EQ(up.addresses.size(), 1U);
  EXPECT_EQ(up.addresses[0].port, endpoint.server.port());
  EXPECT_THAT(up.models, IsEmpty());
  EXPECT_THAT(probing.published[1]->endpoints[0].models, ElementsAre("a", "b"));
}

TEST_F(ProberTest, PublishesNothingWhileNothingChanges) {
  Probing probing(loop, checked_often({endpoint.server.port()}));
  loop.run_until([&] { return endpoint.checks >= 10; });
  EXPECT_EQ(probing.published.size(), 2U);
  EXPECT_EQ(endpoint.model_lists_asked, 1);
}

TEST_F(ProberTest, AsksAsTheHealthCheckerWithTheEndpointsHeaders) {
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].headers = {{"Authorization", "Bearer x"}};
  Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.model_lists_asked > 0; });
  EXPECT_THAT(endpoint.server.requests()[0], StartsWith("GET /health HTTP/1.1\r\n"));
  EXPECT_THAT(endpoint.server.requests()[0], HasSubstr("\r\nUser-Agent: olla-HealthChecker/v"));
  EXPECT_THAT(endpoint.server.requests()[0], HasSubstr("\r\nAuthorization: Bearer x\r\n"));
  EXPECT_THAT(endpoint.server.requests()[1], StartsWith("GET /v1/models HTTP/1.1\r\n"));
  EXPECT_THAT(endpoint.server.requests()[1], HasSubstr("\r\nUser-Agent: olla-Discovery/v"));
  EXPECT_THAT(endpoint.server.requests()[1], HasSubstr("\r\nAuthorization: Bearer x\r\n"));
}

TEST_F(ProberTest, TakesAnEndpointOutAndBackAndReadsItsModelsAnew) {
  Probing probing(loop, checked_often({endpoint.server.port()}));
  probing.wait_for(Health::kHealthy);
  endpoint.up = false;
  const int before = endpoint.checks;
  probing.wait_for(Health::kUnhealthy);
  EXPECT_GE(endpoint.checks - before, 2) << "one failure is not enough";
  loop.run_until([&] { return endpoint.model_lists_asked == 1; });
  endpoint.model_list = test::sized_answer("200 OK", R"({"data":[{"id":"new"}]})");
  endpoint.up = true;
  probing.wait_for(Health::kHealthy);
  loop.run_until([&] {
    return probing.published.back()->endpoints[0].models == std::vector{std::string("new")};
  });
}

TEST_F(ProberTest, AnEndpointThatRefusesIsUnhealthyAtOnce) {
  const test::DeadPort dead(loop);
  Probing probing(loop, checked_often({dead.port()}));
  probing.wait_for(Health::kUnhealthy);
  EXPECT_EQ(probing.published.size(), 1U);
  EXPECT_EQ(probing.published[0]->endpoints[0].addresses.size(), 1U);
}

TEST_F(ProberTest, AModelListThatCannotBeReadKeepsTheOldOne) {
  Probing probing(loop, checked_often({endpoint.server.port()}));
  loop.run_until([&] { return probing.published.size() == 2; });
  for (const std::string& bad : {test::sized_answer("500 No", ""),
                                 test::sized_answer("200 OK", "[]"), std::string("junk\r\n\r\n")}) {
    SCOPED_TRACE(bad);
    endpoint.up = false;
    probing.wait_for(Health::kUnhealthy);
    endpoint.model_list = bad;
    const int before = endpoint.model_lists_asked;
    endpoint.up = true;
    probing.wait_for(Health::kHealthy);
    loop.run_until([&] { return endpoint.model_lists_asked > before; });
    const int checks = endpoint.checks;
    loop.run_until([&] { return endpoint.checks > checks; });
    EXPECT_THAT(probing.published.back()->endpoints[0].models, ElementsAre("a", "b"));
  }
}

TEST_F(ProberTest, OneThatHangsDelaysNoOther) {
  Endpoint hanging(loop);
  hanging.silent = true;
  Probing probing(loop, checked_often({hanging.server.port(), endpoint.server.port()}));
  probing.wait_for(Health::kHealthy, 1);
  loop.run_until([&] { return endpoint.checks >= 5; });
  EXPECT_EQ(hanging.checks, 1);
  EXPECT_EQ(probing.health(0), Health::kUnknown);
}

TEST_F(ProberTest, ACheckThatTakesTooLongFails) {
  endpoint.silent = true;
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].check_timeout = milliseconds(10);
  Probing probing(loop, std::move(config));
  probing.wait_for(Health::kUnhealthy);
}

TEST_F(ProberTest, ASuspectIsCheckedBeforeItsTime) {
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].check_interval = hours(1);
  Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.model_lists_asked == 1; });
  EXPECT_EQ(endpoint.checks, 1);
  endpoint.up = false;
  probing.prober.check_now(EndpointId(0));
  loop.run_until([&] { return endpoint.checks == 2; });
  EXPECT_EQ(probing.health(), Health::kHealthy) << "one failure is not enough";
  probing.prober.check_now(EndpointId(0));
  probing.wait_for(Health::kUnhealthy);
}

TEST_F(ProberTest, HealthMayBeAskedElsewhereThanRequestsGo) {
  const test::DeadPort dead(loop);
  config::Config config = checked_often({dead.port()});
  const std::string elsewhere = "http://127.0.0.1:" + std::to_string(endpoint.server.port());
  config.endpoints[0].health_check_url = elsewhere + "/deep/health";
  config.endpoints[0].model_url = elsewhere + "/v1/models";
  Probing probing(loop, std::move(config));
  probing.wait_for(Health::kHealthy);
  EXPECT_THAT(endpoint.server.requests()[0], StartsWith("GET /deep/health HTTP/1.1\r\n"));
  EXPECT_EQ(probing.published.back()->endpoints[0].addresses[0].port, dead.port());
}

TEST_F(ProberTest, AStoppedOneAsksNoMore) {
  Probing probing(loop, checked_often({endpoint.server.port()}));
  probing.wait_for(Health::kHealthy);
  loop.run_until([&] { return endpoint.model_lists_asked == 1; });
  probing.prober.stop();
  probing.prober.check_now(EndpointId(0));
  loop.run_for(milliseconds(20));  // What is under way ends.
  const std::size_t before = endpoint.server.requests().size();
  loop.run_for(milliseconds(50));
  EXPECT_EQ(endpoint.server.requests().size(), before);
}

}  // namespace
}  // namespace olla::proxy
