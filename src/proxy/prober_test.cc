#include "proxy/prober.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>

#include "test/gateway.h"
#include "test/loop.h"
#include "test/names.h"
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
            if (!models_silent) peer.send(model_list);
          } else if (request.starts_with("GET /version ")) {
            ++versions_asked;
            peer.send(version);
          } else {
            ++checks;
            if (!silent) peer.send(test::sized_answer(up ? "200 OK" : "500 No", ""));
          }
        }) {}

  bool up = true;
  bool silent = false;
  bool models_silent = false;
  int checks = 0;
  int model_lists_asked = 0;
  int versions_asked = 0;
  std::string version = test::sized_answer("200 OK", R"({"version":"0.11.0"})");
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
        prober(asker_, fleet, logger,
               {.changed = [this] { published.push_back(fleet.snapshot()); },
                .came_up = [this](EndpointId id) { came_up.push_back(id); }}) {
    prober.start();
  }
  ~Probing() {
    prober.stop();
    deadlines_.expire_all();
    loop_.run_ready();
    names.release();
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
  std::vector<EndpointId> came_up;
  test::Names names;

 private:
  test::Loop& loop_;
  net::Deadlines deadlines_{loop_.io()};
  net::Resolver resolver_{loop_.io(), deadlines_, names.look_up()};
  Asker asker_{loop_.io(), deadlines_, resolver_};

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
  EXPECT_EQ(up.models, nullptr);
  EXPECT_EQ(up.version, "0.11.0") << "known before the first request";
  const fleet::EndpointView& known = probing.published[1]->endpoints[0];
  EXPECT_THAT(known.models->ids, ElementsAre("a", "b"));
  EXPECT_EQ(known.version, "0.11.0");
  EXPECT_THAT(probing.came_up, ElementsAre(EndpointId(0)));
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
  for (const char* first : {"GET /version HTTP/1.1\r\n", "GET /v1/models HTTP/1.1\r\n"}) {
    const auto asked =
        std::find_if(endpoint.server.requests().begin(), endpoint.server.requests().end(),
                     [first](const std::string& request) { return request.starts_with(first); });
    ASSERT_NE(asked, endpoint.server.requests().end()) << first;
    EXPECT_THAT(*asked, HasSubstr("\r\nUser-Agent: olla-Discovery/v"));
    EXPECT_THAT(*asked, HasSubstr("\r\nAuthorization: Bearer x\r\n"));
  }
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
    const auto& models = probing.published.back()->endpoints[0].models;
    return models && models->ids == std::vector{std::string("new")};
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
  const std::string too_long =
      R"({"data":[{"id":"x"}],"more":")" + std::string(1 << 20, 'x') + "\"}";
  for (const std::string& bad :
       {test::sized_answer("500 No", ""), test::sized_answer("200 OK", "[]"),
        std::string("junk\r\n\r\n"), test::sized_answer("200 OK", too_long)}) {
    SCOPED_TRACE(bad.substr(0, 50));
    endpoint.up = false;
    probing.wait_for(Health::kUnhealthy);
    endpoint.model_list = bad;
    const int before = endpoint.model_lists_asked;
    endpoint.up = true;
    probing.wait_for(Health::kHealthy);
    loop.run_until([&] { return endpoint.model_lists_asked > before; });
    const int checks = endpoint.checks;
    loop.run_until([&] { return endpoint.checks > checks + 3; });
    EXPECT_THAT(probing.published.back()->endpoints[0].models->ids, ElementsAre("a", "b"));
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

TEST_F(ProberTest, AModelListThatHangsDelaysNoCheck) {
  endpoint.models_silent = true;
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].check_interval = milliseconds(100);
  Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.model_lists_asked == 1; });
  const TimePoint before = Clock::now();
  const int checks = endpoint.checks;
  loop.run_until([&] { return endpoint.checks >= checks + 3; });
  EXPECT_LT(Clock::now() - before, seconds(5)) << "a list is given up after 10 s";
  EXPECT_EQ(endpoint.model_lists_asked, 1);
  endpoint.up = false;
  probing.wait_for(Health::kUnhealthy);
}

TEST_F(ProberTest, ANameThatHangsDelaysNoOtherAndFailsInTime) {
  config::Config config = checked_often({endpoint.server.port(), endpoint.server.port()});
  config.endpoints[0].address.host = "silent.example";
  config.endpoints[0].check_timeout = milliseconds(50);
  config.endpoints[1].address.host = "gpu.example";
  Probing probing(loop, std::move(config));
  probing.wait_for(Health::kHealthy, 1);
  probing.wait_for(Health::kUnhealthy, 0);
  EXPECT_THAT(probing.published.back()->endpoints[0].addresses, IsEmpty());
  probing.names.release();
  probing.wait_for(Health::kHealthy, 0);
  EXPECT_EQ(probing.published.back()->endpoints[0].addresses,
            probing.published.back()->endpoints[1].addresses);
}

TEST_F(ProberTest, KeepsTheAddressesOfANameThatCannotBeLookedUpAnyMore) {
  for (const auto mode : {test::Names::Mode::kFails, test::Names::Mode::kSilent}) {
    config::Config config = checked_often({endpoint.server.port()});
    config.endpoints[0].address.host = "gpu.example";
    config.endpoints[0].check_timeout = milliseconds(400);
    Probing probing(loop, std::move(config));
    probing.wait_for(Health::kHealthy);
    probing.names.mode = mode;
    const auto& asked = probing.names.asked_in[static_cast<std::size_t>(mode)];
    loop.run_until([&] { return asked > 0; });
    const int checks = endpoint.checks;
    loop.run_until([&] { return endpoint.checks >= checks + 3; });
    EXPECT_EQ(probing.health(), Health::kHealthy);
    EXPECT_EQ(probing.published.back()->endpoints[0].addresses.size(), 1U);
  }
}

TEST_F(ProberTest, LooksUpTheHostsOfHealthAndModelsWhenTheyAreOthers) {
  const test::DeadPort dead(loop);
  config::Config config = checked_often({dead.port()});
  const std::string port = std::to_string(endpoint.server.port());
  config.endpoints[0].health_check_url = "http://health.example:" + port + "/health";
  config.endpoints[0].model_url = "http://models.example:" + port + "/v1/models";
  Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.model_lists_asked == 1; });
  EXPECT_EQ(probing.health(), Health::kHealthy);
  EXPECT_THAT(endpoint.server.requests()[0], HasSubstr("\r\nHost: health.example:" + port));
  EXPECT_THAT(endpoint.server.requests(),
              testing::Contains(HasSubstr("\r\nHost: models.example:" + port)));
}

TEST_F(ProberTest, OneNameIsLookedUpOncePerCheck) {
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].address.host = "gpu.example";
  config.endpoints[0].check_interval = hours(1);
  Probing probing(loop, std::move(config));
  loop.run_until([&] { return probing.published.size() == 2; });
  EXPECT_EQ(probing.names.asked, 1) << "the model list has the same host";
  probing.prober.check_now(EndpointId(0));
  loop.run_until([&] { return endpoint.checks == 2; });
  EXPECT_EQ(probing.names.asked, 2);
}

TEST_F(ProberTest, AnEndpointStaysUpWhileTheGatewayHasNoFileDescriptor) {
  Probing probing(loop, checked_often({endpoint.server.port()}));
  // Nothing may be on its way to the test's server, which has no descriptor then either.
  loop.run_until([&] { return probing.published.size() == 2 && endpoint.versions_asked == 2; });
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  loop.run_for(milliseconds(50));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  const int checks = endpoint.checks;
  loop.run_until([&] { return endpoint.checks > checks + 1; });
  EXPECT_EQ(probing.published.size(), 2U);
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

TEST_F(ProberTest, OnlyVllmServersAreAskedForTheirVersion) {
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].type = "ollama";
  Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.model_lists_asked == 1 && endpoint.checks > 3; });
  EXPECT_EQ(endpoint.versions_asked, 0);
}

TEST_F(ProberTest, AServerWithoutAVersionHasNone) {
  for (const std::string& answer :
       {test::sized_answer("404 Not Found", ""), test::sized_answer("200 OK", "{}"),
        test::sized_answer("200 OK", R"({"version":")" + std::string(200, '1') + "\"}")}) {
    endpoint.version = answer;
    endpoint.versions_asked = 0;
    Probing probing(loop, checked_often({endpoint.server.port()}));
    const int checks = endpoint.checks;
    loop.run_until([&] { return endpoint.versions_asked == 2 && endpoint.checks > checks + 3; });
    EXPECT_EQ(probing.published.back()->endpoints[0].version, "");
  }
}

TEST_F(ProberTest, ADrainingEndpointGetsNothingUntilItWasDown) {
  Probing probing(loop, checked_often({endpoint.server.port()}));
  loop.run_until([&] { return probing.published.size() == 2; });
  probing.prober.note_draining(EndpointId(0));
  EXPECT_TRUE(probing.published.back()->endpoints[0].draining);
  int checks = endpoint.checks;
  loop.run_until([&] { return endpoint.checks > checks + 2; });
  EXPECT_TRUE(probing.published.back()->endpoints[0].draining) << "its health is good";
  endpoint.up = false;
  checks = endpoint.checks;
  loop.run_until([&] { return endpoint.checks > checks; });
  EXPECT_TRUE(probing.published.back()->endpoints[0].draining) << "one failure is not down";
  probing.wait_for(Health::kUnhealthy);
  endpoint.up = true;
  probing.wait_for(Health::kHealthy);
  EXPECT_FALSE(probing.published.back()->endpoints[0].draining);
}

TEST_F(ProberTest, MissingRoutesAreForgottenWhenTheServerComesBack) {
  Probing probing(loop, checked_often({endpoint.server.port()}));
  loop.run_until([&] { return probing.published.size() == 2; });
  probing.prober.note_missing_route(EndpointId(0), "/v1/embeddings");
  EXPECT_TRUE(probing.published.back()->endpoints[0].lacks_route("/v1/embeddings"));
  const std::size_t published = probing.published.size();
  probing.prober.note_missing_route(EndpointId(0), "/v1/embeddings");
  EXPECT_EQ(probing.published.size(), published);
  endpoint.up = false;
  probing.wait_for(Health::kUnhealthy);
  endpoint.up = true;
  probing.wait_for(Health::kHealthy);
  EXPECT_FALSE(probing.published.back()->endpoints[0].lacks_route("/v1/embeddings"));
}

TEST_F(ProberTest, ARefusingPortIsToldAndTakenBack) {
  config::Config config = checked_often({endpoint.server.port()});
  Probing probing(loop, config);
  probing.wait_for(Health::kHealthy);
  EXPECT_FALSE(probing.published.back()->endpoints[0].refuses);
  const test::DeadPort dead(loop);
  Probing refused(loop, checked_often({dead.port()}));
  refused.wait_for(Health::kUnhealthy);
  EXPECT_TRUE(refused.published.back()->endpoints[0].refuses);
  // A health check on another port says nothing about this one.
  config.endpoints[0].health_check_url =
      "http://127.0.0.1:" + std::to_string(dead.port()) + "/health";
  Probing elsewhere(loop, config);
  elsewhere.wait_for(Health::kUnhealthy);
  EXPECT_FALSE(elsewhere.published.back()->endpoints[0].refuses);
}

TEST_F(ProberTest, ModelListsInDoubtAreReadSoonButNotAllTheTime) {
  Probing probing(loop, checked_often({endpoint.server.port()}));
  loop.run_until([&] { return endpoint.versions_asked == 2; });
  endpoint.model_list = test::sized_answer("200 OK", R"({"data":[{"id":"new"}]})");
  const TimePoint began = Clock::now();
  for (int i = 0; i < 10; ++i)
    probing.prober.read_models_now();
  loop.run_until([&] { return endpoint.model_lists_asked == 2; });
  EXPECT_GE(Clock::now() - began, Prober::kRequestedModelsGap / 2);
  loop.run_until([&] { return endpoint.versions_asked == 3; });
  EXPECT_EQ(endpoint.model_lists_asked, 2);
}

TEST_F(ProberTest, AStoppedOneAsksNoMore) {
  Probing probing(loop, checked_often({endpoint.server.port()}));
  probing.wait_for(Health::kHealthy);
  loop.run_until([&] { return endpoint.versions_asked == 2; });
  probing.prober.stop();
  probing.prober.check_now(EndpointId(0));
  loop.run_for(milliseconds(20));  // What is under way ends.
  const std::size_t before = endpoint.server.requests().size();
  loop.run_for(milliseconds(50));
  EXPECT_EQ(endpoint.server.requests().size(), before);
}

}  // namespace
}  // namespace olla::proxy
