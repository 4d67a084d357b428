#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>

#include "proxy/exchange.h"
#include "test/asked.h"
#include "test/gateway.h"
#include "test/loop.h"
#include "test/peer.h"
#include "test/scripted_server.h"

namespace olla::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Asked;
using test::kBody;
using test::post;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// One endpoint, down at first, and a queue.
struct QueueTest : testing::Test {
  QueueTest() {
    queue.wait = seconds(20);
    set_health(fleet::Health::kUnhealthy);
  }
  void set_health(fleet::Health health) {
    gateway.fleet.set_health(EndpointId(0), health);
    gateway.services.publish(gateway.fleet.snapshot());
  }
  [[nodiscard]] std::size_t waiting() const { return gateway.shared.queue.waiting(); }
  /// The endpoints of these tests are checked every 5 s.
  void expect_refusal(Asked& asked, const char* code, int retry_after = 5) {
    loop.run_until([&] { return asked.done() && !asked.client().received().empty(); });
    EXPECT_THAT(asked.client().received(), HasSubstr("HTTP/1.1 503 "));
    EXPECT_THAT(asked.client().received(), HasSubstr("\"code\":\"" + std::string(code) + "\""));
    EXPECT_THAT(asked.client().received(),
                HasSubstr("\r\nRetry-After: " + std::to_string(retry_after) + "\r\n"));
  }

  test::Loop loop;
  test::ScriptedServer server{loop, test::answers(test::sized_answer("200 OK", "x"))};
  test::Gateway gateway{loop, test::config_for({server.port()})};
  config::Queue& queue = gateway.config.proxy.queue;
  QueueCounters& counters = gateway.shared.queue_counters;
};

TEST_F(QueueTest, WaitsForAnEndpointThatComesUp) {
  Asked asked(gateway, post(kBody));
  loop.run_until([&] { return waiting() == 1; });
  EXPECT_FALSE(asked.done());
  set_health(fleet::Health::kHealthy);
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_GE(asked.outcome().queued_ms.value_or(-1), 0);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(counters.queued, 1U);
  EXPECT_EQ(counters.timed_out + counters.refused, 0U);
}

TEST_F(QueueTest, DoesNotWaitWhenThatIsNotAskedFor) {
  queue.wait = seconds(0);
  Asked asked(gateway, post(kBody));
  expect_refusal(asked, "model_unavailable");
  EXPECT_FALSE(asked.outcome().queued_ms);
  EXPECT_EQ(counters.queued, 0U);
}

TEST_F(QueueTest, WaitsNoLongerThanAskedFor) {
  queue.wait = milliseconds(50);
  Asked asked(gateway, post(kBody));
  expect_refusal(asked, "queue_timeout");
  EXPECT_GE(asked.outcome().queued_ms.value_or(0), 49);
  EXPECT_EQ(counters.timed_out, 1U);
}

TEST_F(QueueTest, WaitsNoLongerThanTheRequestMayTake) {
  gateway.config.proxy.response_timeout = milliseconds(50);
  Asked asked(gateway, post(kBody));
  expect_refusal(asked, "queue_timeout");
}

TEST_F(QueueTest, IsBounded) {
  queue.max_requests = 1;
  Asked waits(gateway, post(kBody));
  loop.run_until([&] { return waiting() == 1; });
  Asked refused(gateway, post(kBody));
  expect_refusal(refused, "queue_full");
  EXPECT_EQ(counters.refused, 1U);
  set_health(fleet::Health::kHealthy);
  EXPECT_EQ(waits.outcome().status, 200);
}

TEST_F(QueueTest, AClientThatLeavesLeavesTheQueueAtOnce) {
  Asked asked(gateway, post(kBody));
  loop.run_until([&] { return waiting() == 1; });
  asked.client().close();
  EXPECT_EQ(asked.outcome().status, log::kClientLeft);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(counters.timed_out, 0U);
}

TEST_F(QueueTest, ACutEndsAWait) {
  Asked asked(gateway, post(kBody));
  loop.run_until([&] { return waiting() == 1; });
  asked.exchange()->cut();
  EXPECT_EQ(asked.outcome().error, "cut at shutdown");
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(QueueTest, ARequestThatNoEndpointWillEverTakeDoesNotWait) {
  gateway.fleet.set_models(EndpointId(0), {{.id = "other"}}, 1);
  set_health(fleet::Health::kHealthy);
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 404);
}

/// "e0" has no model "m"; "e1" was never up, and may have any.
struct UnknownModelTest : QueueTest {
  UnknownModelTest() {
    config::Config config = test::config_for({server.port(), 1});
    config.proxy.queue.wait = seconds(20);
    pair = std::make_unique<test::Gateway>(loop, std::move(config));
    pair->fleet.set_health(EndpointId(1), fleet::Health::kUnhealthy);
    set_models(0, "other");
  }
  void set_models(std::uint32_t id, const char* name) {
    pair->fleet.set_models(EndpointId(id), {{.id = name}}, 1);
    pair->services.publish(pair->fleet.snapshot());
  }

  std::unique_ptr<test::Gateway> pair;
};

TEST_F(UnknownModelTest, TheListsAreReadWhileOneWaits) {
  Asked asked(*pair, post(kBody));
  loop.run_until([&] { return pair->shared.queue.waiting() == 1; });
  EXPECT_EQ(pair->misses, 1);
  loop.run_until([&] { return pair->doubts >= 2; });
  EXPECT_FALSE(asked.done());
  set_models(0, "m");
  EXPECT_EQ(asked.outcome().status, 200);
}

TEST_F(UnknownModelTest, OneThatJoinedAtOnceIsNotRefusedBeforeTheListsWereRead) {
  Asked first(*pair, post(kBody));
  loop.run_until([&] { return pair->shared.queue.waiting() == 1; });
  Asked second(*pair, post(kBody));
  loop.run_until([&] { return pair->shared.queue.waiting() == 2; });
  EXPECT_EQ(pair->misses, 1) << "it stands behind the first one";
  pair->services.lists_fresh_until = {};
  pair->on_miss = [this] { set_models(0, "m"); };
  set_models(1, "other");
  EXPECT_EQ(first.outcome().status, 404);
  EXPECT_EQ(second.outcome().status, 200);
  EXPECT_EQ(pair->misses, 2);
}

// The overflow of a limited endpoint: never more than it takes, each in its turn.
TEST_F(QueueTest, TheOverflowOfALimitedEndpointIsServedInItsTurn) {
  config::Config config = test::config_for({server.port()});
  config.endpoints[0].max_concurrent = 2;
  config.proxy.queue.wait = seconds(20);
  test::Gateway limited(loop, std::move(config));
  std::vector<test::Peer*> open;
  server.on_request([&open](test::Peer& peer, const std::string&) { open.push_back(&peer); });
  std::deque<Asked> all;
  for (int i = 0; i < 6; ++i) {
    all.emplace_back(limited, post(R"({"model":"m","n":)" + std::to_string(i) + "}"));
    const std::size_t expected = i < 2 ? 0 : static_cast<std::size_t>(i) - 1;
    loop.run_until([&] {
      return limited.shared.queue.waiting() == expected &&
             open.size() == std::min<std::size_t>(all.size(), 2);
    });
  }
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_LE(limited.in_flight(), 2U);
    EXPECT_THAT(server.requests()[i], HasSubstr("\"n\":" + std::to_string(i)));
    open[i]->send(test::sized_answer("200 OK", "x"));
    loop.run_until([&] { return all[i].done() && open.size() >= std::min<std::size_t>(i + 3, 6); });
  }
  for (Asked& asked : all)
    EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_EQ(limited.shared.queue_counters.queued, 4U);
}

TEST_F(QueueTest, TheOverflowIsRefusedWhenNothingMayWait) {
  config::Config config = test::config_for({server.port()});
  config.endpoints[0].max_concurrent = 1;
  test::Gateway limited(loop, std::move(config));
  server.on_request(test::stays_silent());
  Asked first(limited, post(kBody));
  loop.run_until([&] { return server.requests().size() == 1; });
  Asked second(limited, post(kBody));
  loop.run_until([&] { return second.done() && !second.client().received().empty(); });
  EXPECT_THAT(second.client().received(), HasSubstr("\"code\":\"endpoints_full\""));
  EXPECT_THAT(second.client().received(), HasSubstr("\r\nRetry-After: 1\r\n"));
  server.connections()[0]->send(test::sized_answer("200 OK", "x"));
  EXPECT_EQ(first.outcome().status, 200);
}

// Room comes back when a request ends, an endpoint that is down only with its next check.
TEST_F(QueueTest, WhereThereIsOnlyNoRoomTheClientIsToldToComeBackSoon) {
  config::Config config = test::config_for({server.port()});
  config.endpoints[0].max_concurrent = 1;
  config.proxy.queue.wait = milliseconds(50);
  config.proxy.queue.max_requests = 1;
  test::Gateway limited(loop, std::move(config));
  server.on_request(test::stays_silent());
  Asked first(limited, post(kBody));
  loop.run_until([&] { return server.requests().size() == 1; });
  Asked second(limited, post(kBody));
  loop.run_until([&] { return limited.shared.queue.waiting() == 1; });
  Asked third(limited, post(kBody));
  expect_refusal(third, "queue_full", 1);
  expect_refusal(second, "queue_timeout", 1);
  server.connections()[0]->send(test::sized_answer("200 OK", "x"));
  EXPECT_EQ(first.outcome().status, 200);
}

/// Two endpoints with room for one request each, which do not answer by themselves.
struct MovedTest : QueueTest {
  MovedTest() {
    config::Config config = test::config_for({server.port(), other.port()});
    config.proxy.load_balancer = config::LoadBalancer::kPriority;
    config.endpoints[0].priority = config.endpoints[1].priority + 1;
    config.proxy.queue.wait = seconds(20);
    for (config::Endpoint& endpoint : config.endpoints)
      endpoint.max_concurrent = 1;
    pair = std::make_unique<test::Gateway>(loop, std::move(config));
    for (test::ScriptedServer* one : {&server, &other})
      one->on_request(test::stays_silent());
  }
  static std::string numbered(int number) {
    return post(R"({"model":"m","n":)" + std::to_string(number) + "}");
  }
  void take_down(std::uint32_t id) {
    fleet::CheckReport checks;
    checks.last = checks.last_failure = fleet::Verdict::kOffline;
    pair->fleet.set_checks(EndpointId(id), checks);
    pair->fleet.set_health(EndpointId(id), fleet::Health::kUnhealthy);
    pair->services.publish(pair->fleet.snapshot());
  }

  test::ScriptedServer other{loop, test::stays_silent()};
  std::unique_ptr<test::Gateway> pair;
};

TEST_F(MovedTest, ARequestOfAFrozenEndpointKeepsItsPlaceByTheTimeItCame) {
  std::deque<Asked> all;
  for (int i = 0; i < 4; ++i) {  // On the first endpoint, on the second one, and two that wait.
    all.emplace_back(*pair, numbered(i));
    loop.run_until([&] {
      return server.requests().size() + other.requests().size() + pair->shared.queue.waiting() ==
             all.size();
    });
  }
  take_down(0);
  loop.run_until([&] { return pair->shared.queue.waiting() == 3; });
  for (const std::size_t served : {1U, 0U, 2U, 3U}) {
    const std::size_t count = other.requests().size();
    EXPECT_THAT(other.requests().back(), HasSubstr("\"n\":" + std::to_string(served) + "}"));
    other.connections().back()->send(test::sized_answer("200 OK", "x"));
    loop.run_until([&] {
      return all[served].done() && (served == 3 || other.requests().size() == count + 1);
    });
  }
  for (Asked& asked : all)
    EXPECT_EQ(asked.outcome().status, 200);
}

TEST_F(MovedTest, ItTakesNoPlaceThatOneFromBeforeWaitsFor) {
  server.on_request(test::closes());
  other.on_request(test::stays_silent());
  Asked older(*pair, numbered(0));  // Closed by the first one, it is on the second one.
  loop.run_until([&] { return other.requests().size() == 1; });
  server.on_request(test::stays_silent());
  Asked younger(*pair, numbered(1));
  loop.run_until([&] { return server.requests().size() == 2; });
  other.drop_connections();
  loop.run_until([&] { return pair->shared.queue.waiting() == 1; });
  take_down(0);
  loop.run_until([&] { return other.requests().size() == 2; });
  EXPECT_THAT(other.requests()[1], HasSubstr("\"n\":0}"));
  EXPECT_EQ(pair->shared.queue.waiting(), 1U);
  other.connections().back()->send(test::sized_answer("200 OK", "x"));
  loop.run_until([&] { return other.requests().size() == 3; });
  other.connections().back()->send(test::sized_answer("200 OK", "x"));
  loop.run_until([&] { return older.done() && younger.done(); });
  EXPECT_EQ(older.outcome().status, 200);
  EXPECT_EQ(younger.outcome().status, 200);
}

// What an endpoint failed runs again out of the queue too, and may overload the fleet as well.
TEST_F(QueueTest, ARetryOutOfTheQueueDrawsOnTheBudget) {
  set_health(fleet::Health::kHealthy);
  gateway.config.proxy.retry.budget_percent = 0;
  server.on_request(test::closes());
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 502);
  EXPECT_EQ(asked.outcome().tries, 1U);
  EXPECT_THAT(asked.client().received(), HasSubstr("\"code\":\"endpoint_closed\""));
  EXPECT_EQ(counters.queued, 0U);
  EXPECT_EQ(gateway.shared.retry_budget.refused(), 1U);
}

TEST_F(QueueTest, AServerThatDrainsIsWaitedForAsFarAsTheBudgetGoes) {
  set_health(fleet::Health::kHealthy);
  gateway.config.proxy.retry.budget_percent = 0;
  server.on_request(test::answers(test::sized_answer(
      "500 Internal Server Error", "cannot schedule new futures after shutdown")));
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 500);
  EXPECT_EQ(counters.queued, 0U);
}

// Requests that wait count as load: they were in flight when their endpoint failed.
TEST_F(QueueTest, ThoseThatWaitCountForTheBudget) {
  set_health(fleet::Health::kHealthy);
  gateway.config.proxy.retry.budget_percent = 100;
  server.on_request(test::stays_silent());
  std::deque<Asked> all;
  for (int i = 0; i < 150; ++i)
    all.emplace_back(gateway, post(kBody));
  loop.run_until([&] { return server.requests().size() == all.size(); });
  server.drop_connections();
  loop.run_until([&] { return waiting() == all.size(); });
  server.on_request(test::answers(test::sized_answer("200 OK", "x")));
  loop.run_until([&] {
    return std::all_of(all.begin(), all.end(), [](const Asked& asked) { return asked.done(); });
  });
  for (Asked& asked : all)
    EXPECT_EQ(asked.outcome().status, 200);
}

// A rolling restart of a fleet of one: requests meet the end of the old server, and wait.
TEST_F(QueueTest, ARequestThatTheOnlyEndpointFailedWaitsForItToComeBack) {
  set_health(fleet::Health::kHealthy);
  server.on_request(test::closes());
  Asked asked(gateway, post(kBody));
  loop.run_until([&] { return waiting() == 1; });
  set_health(fleet::Health::kUnhealthy);
  server.on_request(test::answers(test::sized_answer("200 OK", "back")));
  loop.run_for(milliseconds(20));
  EXPECT_FALSE(asked.done());
  EXPECT_THAT(server.requests(), SizeIs(1));
  set_health(fleet::Health::kHealthy);
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_EQ(asked.outcome().tries, 2U);
}

TEST_F(QueueTest, ARequestOfTheOnlyEndpointStaysThereAlsoWhileOthersWait) {
  set_health(fleet::Health::kHealthy);
  server.on_request(test::stays_silent());
  Asked older(gateway, post(kBody));
  loop.run_until([&] { return server.requests().size() == 1; });
  Asked younger(gateway, post(kBody));
  loop.run_until([&] { return server.requests().size() == 2; });
  server.connections()[0]->close();
  loop.run_until([&] { return waiting() == 1; });
  fleet::CheckReport checks;
  checks.last = checks.last_failure = fleet::Verdict::kOffline;
  gateway.fleet.set_checks(EndpointId(0), checks);
  set_health(fleet::Health::kUnhealthy);
  loop.run_for(milliseconds(20));
  EXPECT_EQ(waiting(), 1U);
  server.connections()[1]->send(test::sized_answer("200 OK", "late"));
  EXPECT_EQ(younger.outcome().tries, 1U);
  set_health(fleet::Health::kHealthy);
  server.on_request(test::answers(test::sized_answer("200 OK", "x")));
  EXPECT_EQ(older.outcome().status, 200);
}

TEST_F(QueueTest, AnEndpointThatFailsEveryRequestIsNotAskedWithoutEnd) {
  queue.wait = seconds(1);
  set_health(fleet::Health::kHealthy);
  server.on_request(test::closes());
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 503);
  EXPECT_LE(server.requests().size(), 6U);
  EXPECT_GE(server.requests().size(), 2U);
}

}  // namespace
}  // namespace olla::proxy
