#include "proxy/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/probing.h"

namespace olla::proxy {
namespace {

using fleet::Health;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::checked_often;
using testing::ElementsAre;

struct DiscoveryTest : testing::Test {
  test::Loop loop;
  test::WatchedEndpoint endpoint{loop};
};

TEST_F(DiscoveryTest, AModelListThatCannotBeReadKeepsTheOldOne) {
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
  loop.run_until([&] { return probing.published.size() == 2; });
  const std::string too_long =
      R"({"data":[{"id":"x"}],"more":")" + std::string(10 << 20, 'x') + "\"}";
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

TEST_F(DiscoveryTest, AModelListThatHangsDelaysNoCheck) {
  endpoint.models_silent = true;
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].check_interval = milliseconds(100);
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.model_lists_asked == 1; });
  const TimePoint before = Clock::now();
  const int checks = endpoint.checks;
  loop.run_until([&] { return endpoint.checks >= checks + 3; });
  EXPECT_LT(Clock::now() - before, seconds(5)) << "a list is given up after 10 s";
  EXPECT_EQ(endpoint.model_lists_asked, 1);
  endpoint.up = false;
  probing.wait_for(Health::kUnhealthy);
}

/// How often the model list was read after `count` more checks.
int lists_after(test::Loop& loop, const test::WatchedEndpoint& endpoint, int count) {
  const int checks = endpoint.checks;
  loop.run_until([&] { return endpoint.checks >= checks + count; });
  return endpoint.model_lists_asked;
}

TEST_F(DiscoveryTest, ReadsTheListAtTheInterval) {
  config::Config config = checked_often({endpoint.server.port()});
  config.model_discovery.interval = milliseconds(20);
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.model_lists_asked >= 3; });
  EXPECT_EQ(probing.published.size(), 2U) << "nothing changed";
  EXPECT_GE(probing.lists_read_again, 1);
  ASSERT_TRUE(probing.fleet.view(EndpointId(0)).models_read_at);
  EXPECT_GT(*probing.fleet.view(EndpointId(0)).models_read_at,
            *probing.published.back()->endpoints[0].models_read_at);
}

TEST_F(DiscoveryTest, OllaW11AModelThatIsNotListedAnyMoreIsForgotten) {
  config::Config config = checked_often({endpoint.server.port()});
  config.model_discovery.interval = milliseconds(20);
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return probing.published.size() == 2; });
  endpoint.model_list = test::sized_answer("200 OK", R"({"data":[{"id":"a"}]})");
  loop.run_until([&] { return probing.published.size() == 3; });
  EXPECT_THAT(probing.published.back()->endpoints[0].models->ids, ElementsAre("a"));
}

TEST_F(DiscoveryTest, OllaW12AFailureIsTriedAgainSoonAndThenAtTheInterval) {
  for (const char* status : {"401 Unauthorized", "404 Not Found", "500 No"}) {
    SCOPED_TRACE(status);
    endpoint.model_lists_asked = 0;
    endpoint.model_list = test::sized_answer(status, "");
    config::Config config = checked_often({endpoint.server.port()});
    config.model_discovery.interval = milliseconds(200);
    config.model_discovery.retry_attempts = 2;
    config.model_discovery.retry_backoff = milliseconds(1);
    test::Probing probing(loop, std::move(config));
    // Three tries, and as many after the interval: it is never given up.
    const TimePoint began = Clock::now();
    loop.run_until([&] { return endpoint.model_lists_asked >= 7; });
    EXPECT_GE(Clock::now() - began, milliseconds(350));
    endpoint.model_list = test::sized_answer("200 OK", R"({"data":[{"id":"late"}]})");
    loop.run_until([&] { return probing.published.back()->endpoints[0].models != nullptr; });
    EXPECT_THAT(probing.published.back()->endpoints[0].models->ids, ElementsAre("late"));
  }
}

TEST_F(DiscoveryTest, ThePauseAfterAFailureDoubles) {
  endpoint.model_list = test::sized_answer("500 No", "");
  config::Config config = checked_often({endpoint.server.port()});
  config.model_discovery.retry_backoff = milliseconds(40);
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.model_lists_asked == 1; });
  const TimePoint began = Clock::now();
  loop.run_until([&] { return endpoint.model_lists_asked == 4; });
  EXPECT_GE(Clock::now() - began, milliseconds(40 + 80 + 160 - 20));
  EXPECT_EQ(lists_after(loop, endpoint, 20), 4) << "the next one is at the interval";
}

TEST_F(DiscoveryTest, ListsThatHangDelayTheOthersForAMoment) {
  test::WatchedEndpoint hanging(loop);
  hanging.models_silent = true;
  config::Config config = checked_often({hanging.server.port(), endpoint.server.port()});
  config.model_discovery.concurrent_workers = 1;
  test::Probing probing(loop, std::move(config));
  const TimePoint began = Clock::now();
  loop.run_until([&] { return probing.fleet.view(EndpointId(1)).models != nullptr; });
  EXPECT_LT(Clock::now() - began, seconds(10)) << "a list is given up after 30 s";
}

TEST_F(DiscoveryTest, AsksForNoListsWhenItIsOff) {
  config::Config config = checked_often({endpoint.server.port()});
  config.model_discovery.enabled = false;
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.versions_asked == 2; });
  EXPECT_EQ(lists_after(loop, endpoint, 3), 0);
  EXPECT_EQ(probing.published.back()->endpoints[0].models, nullptr);
  EXPECT_EQ(probing.published.back()->endpoints[0].version, "0.11.0");
}

TEST_F(DiscoveryTest, OffersOnlyWhatTheFilterLetsThrough) {
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].model_filter = {.include = {"LLAMA*", "b"}, .exclude = {"*70b"}};
  endpoint.model_list = test::sized_answer(
      "200 OK", R"({"data":[{"id":"a"},{"id":"b"},{"id":"llama-8b"},{"id":"llama-70B"}]})");
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return probing.published.size() == 2; });
  EXPECT_THAT(probing.published.back()->endpoints[0].models->ids, ElementsAre("b", "llama-8b"));
}

TEST_F(DiscoveryTest, ReadsTheFormatOfTheServersKind) {
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].type = "ollama";
  endpoint.model_list =
      test::sized_answer("200 OK", R"({"models":[{"name":"llama3:latest","size":5}]})");
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return probing.fleet.view(EndpointId(0)).models != nullptr; });
  EXPECT_THAT(probing.fleet.view(EndpointId(0)).models->ids, ElementsAre("llama3:latest"));
  EXPECT_EQ(probing.fleet.view(EndpointId(0)).models->entries[0].details.size, 5);
}

TEST_F(DiscoveryTest, OllaW13RemembersForAWhileWhatAnEndpointHadThatIsDown) {
  config::Config config = checked_often({endpoint.server.port()});
  config.model_registry.cleanup_interval = milliseconds(5);
  config.model_registry.stale_threshold = milliseconds(300);
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return probing.published.size() == 2; });
  endpoint.up = false;
  probing.wait_for(Health::kUnhealthy);
  EXPECT_THAT(probing.published.back()->endpoints[0].models->ids, ElementsAre("a", "b"));
  loop.run_until([&] { return probing.published.back()->endpoints[0].models->ids.empty(); });
  endpoint.models_silent = true;
  endpoint.up = true;
  probing.wait_for(Health::kHealthy);
  EXPECT_EQ(probing.published.back()->endpoints[0].models, nullptr) << "what it has is not known";
}

/// What refresh() said, once it did.
struct Told {
  bool done = false;
  std::vector<ListReading> readings = {};

  void ask(ModelDiscovery& discovery, bool missed = false) {
    auto take_in = [this](std::vector<ListReading> all) {
      EXPECT_FALSE(done);
      done = true;
      readings = std::move(all);
    };
    if (missed) {
      discovery.refresh_missed(take_in);
    } else {
      discovery.refresh(take_in);
    }
    EXPECT_FALSE(done) << "not before the call is over";
  }
};

TEST_F(DiscoveryTest, ARefreshTellsWhatBecameOfEachEndpoint) {
  test::WatchedEndpoint failing(loop);
  test::WatchedEndpoint down(loop);
  failing.model_list = test::sized_answer("403 Forbidden", "");
  down.up = false;
  test::Probing probing(
      loop, checked_often({endpoint.server.port(), failing.server.port(), down.server.port()}));
  loop.run_until([&] { return endpoint.versions_asked == 2 && failing.model_lists_asked > 0; });
  probing.wait_for(Health::kUnhealthy, 2);
  endpoint.model_list = test::sized_answer("200 OK", R"({"data":[{"id":"new"}]})");
  Told told;
  told.ask(probing.discovery);
  loop.run_until([&] { return told.done; });
  ASSERT_EQ(told.readings.size(), 3U);
  EXPECT_EQ(told.readings[0].outcome, ListReading::Outcome::kRead);
  EXPECT_EQ(told.readings[0].models, 1U);
  EXPECT_EQ(told.readings[1].outcome, ListReading::Outcome::kFailed);
  EXPECT_EQ(told.readings[1].reason, "status 403");
  EXPECT_EQ(told.readings[2].outcome, ListReading::Outcome::kSkipped);
  EXPECT_THAT(probing.published.back()->endpoints[0].models->ids, ElementsAre("new"))
      << "published before";
}

TEST_F(DiscoveryTest, ARefreshWaitsForNoEndpointLongerThanItsReadingMayTake) {
  config::Config config = checked_often({endpoint.server.port()});
  config.model_discovery.timeout = milliseconds(50);
  config.model_discovery.retry_attempts = 0;
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.versions_asked == 2; });
  endpoint.models_silent = true;
  Told told;
  told.ask(probing.discovery);
  loop.run_until([&] { return told.done; });
  EXPECT_EQ(told.readings[0].models, 2U) << "of before";
  EXPECT_EQ(told.readings[0].outcome, ListReading::Outcome::kFailed);
}

TEST_F(DiscoveryTest, AStopEndsARefresh) {
  endpoint.models_silent = true;
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
  loop.run_until([&] { return endpoint.model_lists_asked == 1; });
  Told told;
  told.ask(probing.discovery);
  probing.discovery.stop();
  EXPECT_TRUE(told.done);
  EXPECT_EQ(told.readings[0].outcome, ListReading::Outcome::kUnfinished);
  Told after;
  after.ask(probing.discovery);
  loop.run_until([&] { return after.done; });
}

constexpr bool kMissed = true;

TEST_F(DiscoveryTest, AMissHasTheListsReadAtOnceButNotAllTheTime) {
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
  loop.run_until([&] { return endpoint.versions_asked == 2; });
  endpoint.model_list = test::sized_answer("200 OK", R"({"data":[{"id":"new"}]})");
  const TimePoint began = Clock::now();
  Told first;
  Told together;
  first.ask(probing.discovery, kMissed);
  loop.run_ready();  // The list is being read.
  together.ask(probing.discovery, kMissed);
  loop.run_until([&] { return first.done && together.done; });
  EXPECT_EQ(first.readings[0].outcome, ListReading::Outcome::kRead);
  EXPECT_EQ(endpoint.model_lists_asked, 2) << "once for both";
  EXPECT_THAT(probing.published.back()->endpoints[0].models->ids, ElementsAre("new"));
  Told again;
  again.ask(probing.discovery, kMissed);
  loop.run_until([&] { return again.done; });
  if (Clock::now() - began < ModelDiscovery::kRequestedGap) {
    EXPECT_EQ(endpoint.model_lists_asked, 2);
  }
  loop.run_until([&] { return endpoint.model_lists_asked == 3; });
  EXPECT_GE(Clock::now() - began, ModelDiscovery::kRequestedGap);
}

// A burst of first requests for a model that was just loaded.
TEST_F(DiscoveryTest, MissesThatComeBeforeTheReadingBeginsWaitForItToo) {
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
  loop.run_until([&] { return endpoint.versions_asked == 2; });
  endpoint.model_list = test::sized_answer("200 OK", R"({"data":[{"id":"new"}]})");
  Told told[3];
  for (Told& one : told)
    one.ask(probing.discovery, kMissed);
  loop.run_until([&] { return told[0].done && told[1].done && told[2].done; });
  for (const Told& one : told)
    EXPECT_EQ(one.readings[0].outcome, ListReading::Outcome::kRead);
  EXPECT_EQ(endpoint.model_lists_asked, 2) << "once for all";
}

TEST_F(DiscoveryTest, AMissWaitsForNoListThatCannotBeRead) {
  test::WatchedEndpoint failing(loop);
  failing.model_list = test::sized_answer("401 Unauthorized", "");
  config::Config config = checked_often({endpoint.server.port(), failing.server.port()});
  config.model_discovery.retry_attempts = 0;
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.versions_asked == 2 && failing.versions_asked == 2; });
  failing.models_silent = true;
  Told told;
  told.ask(probing.discovery, kMissed);
  loop.run_until([&] { return told.done; });
  EXPECT_EQ(told.readings[0].outcome, ListReading::Outcome::kRead);
  EXPECT_EQ(told.readings[1].outcome, ListReading::Outcome::kUnfinished);
  EXPECT_EQ(failing.model_lists_asked, 1);
}

TEST_F(DiscoveryTest, AMissWaitsForNoListThatHangsForLong) {
  endpoint.models_silent = true;
  config::Config config = checked_often({endpoint.server.port()});
  config.model_registry.discovery_timeout = milliseconds(20);
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.model_lists_asked == 1; });
  const TimePoint began = Clock::now();
  loop.run_until([&] { return Clock::now() - began >= milliseconds(20); });
  Told told;
  told.ask(probing.discovery, kMissed);
  loop.run_until([&] { return told.done; });
  EXPECT_LT(Clock::now() - began, seconds(10)) << "a list is given up after 30 s";
  EXPECT_EQ(told.readings[0].outcome, ListReading::Outcome::kUnfinished);
}

TEST_F(DiscoveryTest, AnEndpointThatWasNeverUpHasAnyModelForAWhileOnly) {
  endpoint.up = false;
  config::Config config = checked_often({endpoint.server.port()});
  config.model_registry.cleanup_interval = milliseconds(5);
  config.model_registry.stale_threshold = milliseconds(300);
  const TimePoint began = Clock::now();
  test::Probing probing(loop, std::move(config));
  probing.wait_for(Health::kUnhealthy);
  loop.run_until([&] { return probing.published.back()->endpoints[0].models != nullptr; });
  EXPECT_GE(Clock::now() - began, milliseconds(300));
  EXPECT_THAT(probing.published.back()->endpoints[0].models->ids, testing::IsEmpty());
  endpoint.models_silent = true;
  endpoint.up = true;
  probing.wait_for(Health::kHealthy);
  EXPECT_EQ(probing.published.back()->endpoints[0].models, nullptr) << "what it has is not known";
}

TEST_F(DiscoveryTest, OnlyVllmServersAreAskedForTheirVersion) {
  config::Config config = checked_often({endpoint.server.port()});
  config.endpoints[0].type = "ollama";
  test::Probing probing(loop, std::move(config));
  loop.run_until([&] { return endpoint.model_lists_asked == 1 && endpoint.checks > 3; });
  EXPECT_EQ(endpoint.versions_asked, 0);
}

TEST_F(DiscoveryTest, AServerWithoutAVersionHasNone) {
  for (const std::string& answer :
       {test::sized_answer("404 Not Found", ""), test::sized_answer("200 OK", "{}"),
        test::sized_answer("200 OK", R"({"version":")" + std::string(200, '1') + "\"}")}) {
    endpoint.version = answer;
    endpoint.versions_asked = 0;
    test::Probing probing(loop, checked_often({endpoint.server.port()}));
    const int checks = endpoint.checks;
    loop.run_until([&] { return endpoint.versions_asked == 2 && endpoint.checks > checks + 3; });
    EXPECT_EQ(probing.published.back()->endpoints[0].version, "");
  }
}

TEST_F(DiscoveryTest, ModelListsInDoubtAreReadSoonButNotAllTheTime) {
  test::Probing probing(loop, checked_often({endpoint.server.port()}));
  loop.run_until([&] { return endpoint.versions_asked == 2; });
  endpoint.model_list = test::sized_answer("200 OK", R"({"data":[{"id":"new"}]})");
  const TimePoint began = Clock::now();
  for (int i = 0; i < 10; ++i)
    probing.discovery.read_all_now();
  loop.run_until([&] { return endpoint.model_lists_asked == 2; });
  EXPECT_GE(Clock::now() - began, ModelDiscovery::kRequestedGap / 2);
  loop.run_until([&] { return endpoint.versions_asked == 3; });
  EXPECT_EQ(endpoint.model_lists_asked, 2);
}

}  // namespace
}  // namespace olla::proxy
