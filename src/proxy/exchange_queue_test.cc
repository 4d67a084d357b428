#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

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
  void expect_refusal(Asked& asked, const char* code) {
    EXPECT_EQ(asked.outcome().status, 503);
    EXPECT_TRUE(asked.outcome().keep);
    EXPECT_THAT(asked.client().received(), HasSubstr("\"code\":\"" + std::string(code) + "\""));
    EXPECT_THAT(asked.client().received(), HasSubstr("\r\nRetry-After: "));
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
