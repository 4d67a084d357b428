#include "proxy/prober.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>

#include "test/probing.h"

namespace olla::proxy {
namespace {

using fleet::Health;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::checked_often;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct ProberTest : testing::Test {
  test::Loop loop;
  test::WatchedEndpoint endpoint{loop};
};

TEST_F(ProberTest, PublishesAnEndpointThatComesUpAndThenItsModels) {
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
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
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
  loop.run_until([&] { return endpoint.checks >= 10; });
  EXPECT_EQ(probing.published.size(), 2U);
  EXPECT_EQ(endpoint.model_lists_asked, 1);
}

TEST_F(ProberTest, AsksAsTheHealthCheckerWithTheEndpointsHeaders) {
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].headers = {{"Authorization", "Bearer x"}};
  test::Probing probing(loop, std::move(config));
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

// As servers do that want a slash behind the path.
TEST_F(ProberTest, FollowsARedirectOnTheSameServer) {
  const std::string self = "http://127.0.0.1:" + std::to_string(endpoint.server.port());
  endpoint.server.on_request([&](test::Peer& peer, const std::string& request) {
    const auto moved = [](const std::string& to) {
      return test::sized_answer("307 Temporary Redirect", "", "Location: " + to + "\r\n");
    };
    if (request.starts_with("GET /health ")) return peer.send(moved("/health/"));
    if (request.starts_with("GET /health/ ")) return peer.send(moved(self + "/up?x=1"));
    peer.send(test::sized_answer(request.starts_with("GET /up?x=1 ") ? "200 OK" : "404 No", ""));
  });
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
  probing.wait_for(Health::kHealthy);
}

TEST_F(ProberTest, FollowsNoRedirectElsewhereAndNoneForEver) {
  test::WatchedEndpoint other(loop);
  const std::string elsewhere = "http://127.0.0.1:" + std::to_string(other.server.port()) + "/";
  for (const std::string& to :
       {elsewhere, std::string("//gpu/health"), std::string("/health"), std::string("health"),
        std::string("https://127.0.0.1/"), std::string("/a b"), std::string()}) {
    endpoint.up = false;
    endpoint.refusal = "302 Found";
    endpoint.fields = to.empty() ? std::string() : "Location: " + to + "\r\n";
    test::Probing probing(loop, checked_often({endpoint.server.port()}));
    probing.wait_for(Health::kUnhealthy);
  }
  EXPECT_EQ(other.checks, 0);
}

TEST_F(ProberTest, TakesAnEndpointOutAndBackAndReadsItsModelsAnew) {
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
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
  test::Probing probing(loop, checked_often({dead.port()}));
  probing.wait_for(Health::kUnhealthy);
  EXPECT_EQ(probing.published.size(), 1U);
  EXPECT_EQ(probing.published[0]->endpoints[0].addresses.size(), 1U);
}

TEST_F(ProberTest, OneThatHangsDelaysNoOther) {
  test::WatchedEndpoint hanging(loop);
  hanging.silent = true;
  test::Probing probing(loop, checked_often({hanging.server.port(), endpoint.server.port()}));
  probing.wait_for(Health::kHealthy, 1);
  loop.run_until([&] { return endpoint.checks >= 5; });
  EXPECT_EQ(hanging.checks, 1);
  EXPECT_EQ(probing.health(0), Health::kUnknown);
}

TEST_F(ProberTest, ANameThatHangsDelaysNoOtherAndFailsInTime) {
  config::Config config = checked_often({endpoint.server.port(), endpoint.server.port()});
  config.endpoints[0].address.host = "silent.example";
  config.endpoints[0].check_timeout = milliseconds(50);
  config.endpoints[1].address.host = "gpu.example";
  test::Probing probing(loop, std::move(config));
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
    test::Probing probing(loop, std::move(config));
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
  test::Probing probing(loop, std::move(config));
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
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return probing.published.size() == 2; });
  EXPECT_EQ(probing.names.asked, 1) << "the model list has the same host";
  probing.prober.check_now(EndpointId(0));
  loop.run_until([&] { return endpoint.checks == 2; });
  EXPECT_EQ(probing.names.asked, 2);
}

TEST_F(ProberTest, AnEndpointStaysUpWhileTheGatewayHasNoFileDescriptor) {
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
  // Nothing may be on its way to the test's server, which has no descriptor then either.
  loop.run_until([&] { return probing.published.size() >= 2 && endpoint.versions_asked == 2; });
  const std::size_t published = probing.published.size();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  loop.run_for(milliseconds(50));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  const int checks = endpoint.checks;
  loop.run_until([&] { return endpoint.checks > checks + 1; });
  for (std::size_t n = published; n < probing.published.size(); ++n) {
    EXPECT_EQ(probing.published[n]->endpoints[0].health, Health::kHealthy);
  }
}

TEST_F(ProberTest, ACheckThatTakesTooLongFails) {
  endpoint.silent = true;
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].check_timeout = milliseconds(10);
  test::Probing probing(loop, std::move(config));
  probing.wait_for(Health::kUnhealthy);
}

// What a silent endpoint is asked before each check must not make its return late.
TEST_F(ProberTest, FindingOutWhatADeadEndpointIsDelaysItsChecksByOneTimeoutAtMost) {
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].type = "auto";
  config.endpoints[0].detects_type = true;
  config.endpoints[0].check_timeout = milliseconds(50);
  test::Probing probing(loop, std::move(config));
  probing.wait_for(Health::kHealthy);
  endpoint.silent = endpoint.models_silent = true;
  probing.wait_for(Health::kUnhealthy);
  const TimePoint down = Clock::now();
  const int checks = endpoint.checks;
  loop.run_until([&] { return endpoint.checks >= checks + 3; });
  EXPECT_LT(Clock::now() - down, seconds(5)) << "the time that one detection may take else";
}

TEST_F(ProberTest, ASuspectIsCheckedBeforeItsTime) {
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].check_interval = hours(1);
  test::Probing probing(loop, std::move(config));
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
  test::Probing probing(loop, std::move(config));
  probing.wait_for(Health::kHealthy);
  EXPECT_THAT(endpoint.server.requests()[0], StartsWith("GET /deep/health HTTP/1.1\r\n"));
  EXPECT_EQ(probing.published.back()->endpoints[0].addresses[0].port, dead.port());
}

TEST_F(ProberTest, ADrainingEndpointGetsNothingUntilItWasDown) {
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
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
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
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
  test::Probing probing(loop, config);
  probing.wait_for(Health::kHealthy);
  EXPECT_FALSE(probing.published.back()->endpoints[0].refuses);
  const test::DeadPort dead(loop);
  test::Probing refused(loop, checked_often({dead.port()}));
  refused.wait_for(Health::kUnhealthy);
  EXPECT_TRUE(refused.published.back()->endpoints[0].refuses);
  // A health check on another port says nothing about this one.
  config.endpoints[0].health_check_url =
      "http://127.0.0.1:" + std::to_string(dead.port()) + "/health";
  test::Probing elsewhere(loop, config);
  elsewhere.wait_for(Health::kUnhealthy);
  EXPECT_FALSE(elsewhere.published.back()->endpoints[0].refuses);
}

TEST_F(ProberTest, AStoppedOneAsksNoMore) {
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
  probing.wait_for(Health::kHealthy);
  loop.run_until([&] { return endpoint.versions_asked == 2; });
  probing.prober.stop();
  probing.discovery.stop();
  probing.prober.check_now(EndpointId(0));
  loop.run_for(milliseconds(20));  // What is under way ends.
  const std::size_t before = endpoint.server.requests().size();
  loop.run_for(milliseconds(50));
  EXPECT_EQ(endpoint.server.requests().size(), before);
}

TEST_F(ProberTest, TellsWhatTheChecksSaid) {
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
  const auto before = std::chrono::system_clock::now();
  probing.wait_for(Health::kHealthy);
  const fleet::EndpointView& view = probing.fleet.view(EndpointId(0));
  EXPECT_EQ(view.checks.last, fleet::Verdict::kPassed);
  EXPECT_EQ(view.checks.last_failure, fleet::Verdict::kNone);
  EXPECT_GT(view.checks.latency, Duration::zero());
  EXPECT_GE(view.checks.checked_at, before);
  EXPECT_LE(view.checks.checked_at, std::chrono::system_clock::now());
  EXPECT_LE(view.checks.next_at, std::chrono::system_clock::now() + milliseconds(5));
  const std::pair<const char*, const char*> refusals[] = {
      {"401 No", "config_error"}, {"403 No", "config_error"}, {"302 Away", "unhealthy"}};
  for (const auto& [refusal, word] : refusals) {
    SCOPED_TRACE(refusal);
    endpoint.refusal = refusal;
    endpoint.up = false;
    probing.wait_for(Health::kUnhealthy);
    EXPECT_STREQ(fleet::to_string(probing.published.back()->endpoints[0].status(Clock::now())),
                 word);
    EXPECT_GE(view.checks.failures_in_a_row, 2U);
    endpoint.up = true;
    probing.wait_for(Health::kHealthy);
    EXPECT_TRUE(view.back_since);
  }
}

TEST_F(ProberTest, FollowsTheRulesOfTheEndpoint) {
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].health.unhealthy_after = 4;
  config.endpoints[0].health.healthy_after = 3;
  test::Probing probing(loop, std::move(config));
  probing.wait_for(Health::kHealthy);
  endpoint.up = false;
  int before = endpoint.checks;
  probing.wait_for(Health::kUnhealthy);
  EXPECT_GE(endpoint.checks - before, 4);
  endpoint.up = true;
  before = endpoint.checks;
  probing.wait_for(Health::kHealthy);
  EXPECT_GE(endpoint.checks - before, 3);
}

TEST_F(ProberTest, LeavesAnEndpointAloneThatIsAskedTooOften) {
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
  probing.wait_for(Health::kHealthy);
  endpoint.up = false;
  endpoint.refusal = "429 Slow";
  endpoint.fields = "Retry-After: 1\r\n";
  const int before = endpoint.checks;
  probing.wait_for(Health::kUnhealthy);
  EXPECT_EQ(endpoint.checks - before, 1) << "it is out at once";
  const fleet::EndpointView& view = probing.fleet.view(EndpointId(0));
  EXPECT_STREQ(fleet::to_string(view.status(Clock::now())), "rate_limited");
  loop.run_until([&] { return view.checks.next_at - view.checks.checked_at > milliseconds(900); });
  endpoint.up = true;
  const int refused = endpoint.checks;
  probing.prober.check_now(EndpointId(0));
  loop.run_for(milliseconds(300));
  EXPECT_EQ(endpoint.checks, refused);
  probing.wait_for(Health::kHealthy);
}

TEST_F(ProberTest, ARateLimitWithoutATimeLastsForHalfAMinute) {
  const std::pair<const char*, seconds> cases[] = {{"", seconds(30)},
                                                   {"Retry-After: soon\r\n", seconds(30)},
                                                   {"Retry-After: 99999999\r\n", seconds(600)}};
  for (const auto& [fields, pause] : cases) {
    SCOPED_TRACE(fields);
    endpoint.up = false;
    endpoint.refusal = "429 Slow";
    endpoint.fields = fields;
    test::Probing probing(loop, checked_often({endpoint.server.port()}));
    probing.wait_for(Health::kUnhealthy);
    const fleet::CheckReport& checks = probing.fleet.view(EndpointId(0)).checks;
    EXPECT_GT(checks.next_at, checks.checked_at + pause - seconds(1));
    EXPECT_LE(checks.next_at, std::chrono::system_clock::now() + pause);
  }
}

}  // namespace
}  // namespace olla::proxy
