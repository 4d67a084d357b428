#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
using test::Asked;
using test::kBody;
using test::kGet;
using test::kStreamHead;
using test::post;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

/// Endpoints that are asked in their order: "e0" first.
config::Config in_order(const std::vector<std::uint16_t>& ports) {
  config::Config config = test::config_for(ports);
  config.proxy.load_balancer = config::LoadBalancer::kPriority;
  for (std::size_t i = 0; i < ports.size(); ++i)
    config.endpoints[i].priority = static_cast<int>(ports.size() - i);
  return config;
}

/// POST of something that is no inference, and that another kind of server takes.
constexpr std::string_view kPull =
    "POST /olla/proxy/api/pull HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\n{}";

struct RetryTest : testing::Test {
  RetryTest() {
    config::Config config = in_order({first.port(), second.port(), third.port()});
    for (config::Endpoint& endpoint : config.endpoints)
      endpoint.type = "ollama";
    other_kind = std::make_unique<test::Gateway>(loop, std::move(config));
  }

  test::ScriptedServer::OnRequest answer(const char* text) {
    return test::answers(test::sized_answer("200 OK", text));
  }
  /// What the checks of an endpoint find; `failure`: how it is out.
  static void set_health(test::Gateway& gateway, EndpointId id, fleet::Health health,
                         fleet::Verdict failure = fleet::Verdict::kOffline) {
    fleet::CheckReport checks;
    checks.last = health == fleet::Health::kHealthy ? fleet::Verdict::kPassed : failure;
    checks.last_failure = failure;
    gateway.fleet.set_checks(id, checks);
    gateway.fleet.set_health(id, health);
    gateway.services.publish(gateway.fleet.snapshot());
  }
  void set_health(EndpointId id, fleet::Health health,
                  fleet::Verdict failure = fleet::Verdict::kOffline) {
    set_health(gateway, id, health, failure);
  }

  test::Loop loop;
  test::ScriptedServer first{loop, test::answers(test::sized_answer("200 OK", "one"))};
  test::ScriptedServer second{loop, test::answers(test::sized_answer("200 OK", "two"))};
  test::ScriptedServer third{loop, test::answers(test::sized_answer("200 OK", "three"))};
  test::Gateway gateway{loop, in_order({first.port(), second.port(), third.port()})};
  std::unique_ptr<test::Gateway> other_kind;
  config::Retry& rules = gateway.config.proxy.retry;
};

TEST_F(RetryTest, OllaW15AnEndBeforeTheAnswerIsTriedElsewhere) {
  for (const auto& failure : {test::closes(), test::resets()}) {
    first.on_request(failure);
    Asked asked(gateway, post(kBody));
    EXPECT_EQ(asked.outcome().status, 200);
    EXPECT_EQ(asked.outcome().endpoint, "e1");
    EXPECT_EQ(asked.outcome().tries, 2U);
  }
}

TEST_F(RetryTest, OllaW15WhatMayRunOnlyOnceIsNotRunTwice) {
  first.on_request(test::closes());
  rules.non_idempotent = false;
  {
    Asked asked(gateway, post(kBody));
    EXPECT_EQ(asked.outcome().status, 502);
    EXPECT_TRUE(asked.outcome().keep);
    EXPECT_THAT(asked.client().received(), HasSubstr("\"code\":\"endpoint_closed\""));
  }
  EXPECT_THAT(second.requests(), IsEmpty());
  {
    Asked asked(gateway, kGet);
    EXPECT_EQ(asked.outcome().endpoint, "e1") << "a GET may run again";
  }
  {
    Asked asked(*other_kind, kPull);
    EXPECT_EQ(asked.outcome().status, 502) << "it is no inference";
  }
  first.on_request(
      test::answers(test::sized_answer("503 Service Unavailable", "{}", "Retry-After: 7\r\n")));
  {
    Asked asked(gateway, post(kBody));
    EXPECT_EQ(asked.outcome().endpoint, "e1") << "it did not run";
  }
  first.die();
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().endpoint, "e1") << "it never got there";
}

TEST_F(RetryTest, OllaW15ADeadIdleConnectionIsReplacedAlsoForWhatMayRunOnce) {
  rules.non_idempotent = false;
  Asked asked(gateway, post(kBody));
  ASSERT_EQ(asked.outcome().endpoint, "e0");
  first.connections().back()->close();
  asked.ask(post(kBody));
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_EQ(asked.outcome().endpoint, "e0");
  EXPECT_EQ(asked.outcome().tries, 1U);
}

TEST_F(RetryTest, OllaW16AnAnswerThatSaysNotHereIsAskedForElsewhere) {
  for (const char* status : {"502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout",
                             "429 Too Many Requests"}) {
    SCOPED_TRACE(status);
    // Too long to be read before it is passed on or dropped.
    first.on_request(
        test::answers(test::sized_answer(status, std::string(100'000, 'x'), "Retry-After: 9\r\n")));
    Asked asked(gateway, post(kBody));
    EXPECT_EQ(asked.outcome().status, 200);
    EXPECT_EQ(asked.outcome().endpoint, "e1");
  }
  first.on_request(test::answers(test::sized_answer("429 Too Many Requests", "{}")));
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 429) << "that may be the client's own quota";
}

TEST_F(RetryTest, OllaW16TheLastAnswerOfThatKindIsForTheClient) {
  for (test::ScriptedServer* server : {&first, &second, &third}) {
    server->on_request(test::answers(
        test::sized_answer("429 Too Many Requests", "{\"quota\":1}", "Retry-After: 9\r\n")));
  }
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 429);
  EXPECT_EQ(asked.outcome().tries, 3U);
  EXPECT_EQ(asked.outcome().endpoint, "e2");
  EXPECT_THAT(asked.client().received(), HasSubstr("\r\nRetry-After: 9\r\n"));
  EXPECT_THAT(asked.client().received(), EndsWith("{\"quota\":1}"));
}

TEST_F(RetryTest, KeepsToTheNumberOfTries) {
  for (test::ScriptedServer* server : {&first, &second})
    server->on_request(test::closes());
  rules.max_attempts = 2;
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 502);
  EXPECT_EQ(asked.outcome().tries, 2U);
  EXPECT_THAT(third.requests(), IsEmpty());
}

TEST_F(RetryTest, CanBeTurnedOff) {
  first.die();
  rules.enabled = false;
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 502);
  EXPECT_THAT(asked.client().received(), HasSubstr("\"code\":\"endpoint_unreachable\""));
  EXPECT_THAT(second.requests(), IsEmpty());
}

TEST_F(RetryTest, WhenTheBudgetIsSpentFailuresGoToTheClients) {
  first.on_request(test::closes());
  rules.budget_percent = 1;
  while (gateway.shared.retry_budget.take(Clock::now(), 1, 0)) {
  }
  {
    Asked asked(gateway, post(kBody));
    EXPECT_EQ(asked.outcome().status, 502);
    EXPECT_THAT(asked.client().received(), HasSubstr("\"code\":\"endpoint_closed\""));
  }
  first.on_request(test::answers(test::sized_answer("503 Service Unavailable", "{\"busy\":1}")));
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 503);
  EXPECT_THAT(asked.client().received(), EndsWith("{\"busy\":1}"));
  EXPECT_THAT(second.requests(), IsEmpty());
}

TEST_F(RetryTest, TheAnswerHasToBeginWithinTheTimeOfTheWholeRequest) {
  gateway.config.proxy.response_timeout = milliseconds(50);
  first.on_request(test::stays_silent());
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 504);
  EXPECT_THAT(second.requests(), IsEmpty());
}

// Nobody says so on a connection whose other end is frozen, or behind a pulled cable.
TEST_F(RetryTest, ARequestThatWaitsMovesAwayWhenItsEndpointIsFoundDown) {
  first.on_request(test::stays_silent());
  Asked asked(gateway, post(kBody));
  loop.run_until([&] { return first.requests().size() == 1; });
  set_health(EndpointId(1), fleet::Health::kUnhealthy);
  loop.run_ready();
  EXPECT_FALSE(asked.done()) << "another one's trouble is none of its";
  set_health(EndpointId(0), fleet::Health::kUnhealthy);
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_EQ(asked.outcome().endpoint, "e2");
  EXPECT_EQ(asked.outcome().tries, 2U);
  loop.run_until([&] { return first.connections()[0]->ended(); });
}

// However many: an endpoint that does nothing is nobody's load.
TEST_F(RetryTest, AMoveAwayFromAnEndpointThatIsDownIsNotDrawnFromTheBudget) {
  first.on_request(test::stays_silent());
  rules.budget_percent = 1;
  while (gateway.shared.retry_budget.take(Clock::now(), 1, 0)) {
  }
  const std::uint64_t refused = gateway.shared.retry_budget.refused();
  Asked asked(gateway, post(kBody));
  loop.run_until([&] { return first.requests().size() == 1; });
  set_health(EndpointId(0), fleet::Health::kUnhealthy);
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_EQ(asked.outcome().endpoint, "e1");
  EXPECT_EQ(gateway.shared.retry_budget.refused(), refused);
}

TEST_F(RetryTest, WithoutRetriesItStaysWhereItIs) {
  first.on_request(test::stays_silent());
  rules.budget_percent = 0;
  Asked asked(gateway, post(kBody));
  loop.run_until([&] { return first.requests().size() == 1; });
  set_health(EndpointId(0), fleet::Health::kUnhealthy);
  loop.run_for(milliseconds(20));
  EXPECT_FALSE(asked.done());
  first.connections()[0]->send(test::sized_answer("200 OK", "late"));
  EXPECT_EQ(asked.outcome().endpoint, "e0");
}

TEST_F(RetryTest, OneThatIsConnectingMovesTooAndCountsAsNotSent) {
  // Takes no connection: its queue is full, and nobody accepts.
  net::Acceptor full(loop.io());
  full.open(net::Tcp::v4());
  full.bind(net::Tcp::endpoint(net::asio::ip::address_v4::loopback(), 0));
  full.listen(0);
  const std::uint16_t port = full.local_endpoint().port();
  std::vector<net::Socket> fillers;
  for (int i = 0; i < 3; ++i) {
    fillers.emplace_back(loop.io());
    fillers.back().async_connect({net::asio::ip::address_v4::loopback(), port},
                                 [](net::error_code) {});
  }
  loop.run_for(milliseconds(10));
  test::Gateway mixed(loop, in_order({port, second.port()}));
  mixed.config.proxy.retry.non_idempotent = false;
  mixed.config.proxy.connection_timeout = std::chrono::seconds(60);
  Asked asked(mixed, post(kBody));
  loop.run_for(milliseconds(20));
  EXPECT_FALSE(asked.done());
  set_health(mixed, EndpointId(0), fleet::Health::kUnhealthy);
  EXPECT_EQ(asked.outcome().endpoint, "e1");
}

TEST_F(RetryTest, ItStaysWhereItIsUntilSomebodyElseCanTakeIt) {
  first.on_request(test::stays_silent());
  Asked asked(gateway, post(kBody));
  loop.run_until([&] { return first.requests().size() == 1; });
  for (std::uint32_t id : {2U, 1U, 0U})
    set_health(EndpointId(id), fleet::Health::kUnhealthy);
  loop.run_for(milliseconds(20));
  EXPECT_FALSE(asked.done()) << "it may come back to life";
  set_health(EndpointId(2), fleet::Health::kHealthy);
  EXPECT_EQ(asked.outcome().endpoint, "e2");
}

/// Two requests that wait on "e0", and room for one on "e1".
struct LittleRoomTest : RetryTest {
  LittleRoomTest() {
    config::Config config = in_order({first.port(), second.port()});
    config.endpoints[1].max_concurrent = 1;
    small = std::make_unique<test::Gateway>(loop, std::move(config));
    first.on_request(test::stays_silent());
  }

  std::unique_ptr<test::Gateway> small;
};

TEST_F(LittleRoomTest, OnlyAsManyMoveAsFindRoom) {
  Asked one(*small, post(kBody));
  Asked other(*small, post(kBody));
  loop.run_until([&] { return first.requests().size() == 2; });
  set_health(*small, EndpointId(0), fleet::Health::kUnhealthy);
  loop.run_until([&] { return one.done() || other.done(); });
  EXPECT_NE(one.done(), other.done()) << "it would only be refused elsewhere";
  set_health(*small, EndpointId(0), fleet::Health::kUnhealthy);  // By the next check.
  EXPECT_EQ(one.outcome().endpoint, "e1");
  EXPECT_EQ(other.outcome().endpoint, "e1");
  EXPECT_EQ(one.outcome().status + other.outcome().status, 400);
}

// Those that come later would get every place that becomes free.
TEST_F(LittleRoomTest, WithAQueueTheOthersWaitForRoomThere) {
  small->config.proxy.queue.wait = std::chrono::seconds(20);
  Asked one(*small, post(kBody));
  Asked other(*small, post(kBody));
  loop.run_until([&] { return first.requests().size() == 2; });
  set_health(*small, EndpointId(0), fleet::Health::kUnhealthy);
  loop.run_until([&] { return one.done() && other.done(); });
  EXPECT_EQ(one.outcome().endpoint, "e1");
  EXPECT_EQ(other.outcome().endpoint, "e1");
  EXPECT_EQ(one.outcome().status + other.outcome().status, 400);
}

TEST_F(RetryTest, ItStaysWithAServerThatAnswersItsChecksWithAnError) {
  first.on_request(test::stays_silent());
  Asked asked(gateway, post(kBody));
  loop.run_until([&] { return first.requests().size() == 1; });
  for (const fleet::Verdict failure :
       {fleet::Verdict::kUnhealthy, fleet::Verdict::kConfigError, fleet::Verdict::kRateLimited})
    set_health(EndpointId(0), fleet::Health::kUnhealthy, failure);
  loop.run_for(milliseconds(20));
  EXPECT_FALSE(asked.done());
  first.connections()[0]->send(test::sized_answer("200 OK", "late"));
  EXPECT_EQ(asked.outcome().endpoint, "e0");
}

TEST_F(RetryTest, WhatMayRunOnlyOnceStaysWhereItIs) {
  rules.non_idempotent = false;
  first.on_request(test::stays_silent());
  Asked asked(gateway, post(kBody));
  loop.run_until([&] { return first.requests().size() == 1; });
  set_health(EndpointId(0), fleet::Health::kUnhealthy);
  loop.run_for(milliseconds(20));
  EXPECT_FALSE(asked.done());
  EXPECT_THAT(second.requests(), IsEmpty());
  first.connections()[0]->send(test::sized_answer("200 OK", "late"));
  EXPECT_EQ(asked.outcome().endpoint, "e0");
}

TEST_F(RetryTest, OllaW06AStreamThatHasBegunNeverMoves) {
  first.on_request(test::answers(std::string(kStreamHead) + "9\r\ndata: 1\n\n\r\n"));
  for (const std::string& request : {std::string(kGet), post(kBody)}) {
    Asked asked(gateway, request);
    loop.run_until([&] { return asked.client().received().ends_with("data: 1\n\n\r\n"); });
    set_health(EndpointId(0), fleet::Health::kUnhealthy);
    loop.run_for(milliseconds(20));
    EXPECT_FALSE(asked.done());
    first.connections().back()->reset();
    EXPECT_EQ(asked.outcome().error, "the endpoint broke off");
    EXPECT_THAT(second.requests(), IsEmpty());
    EXPECT_THAT(asked.client().received(), Not(EndsWith("0\r\n\r\n"))) << "the break is visible";
    set_health(EndpointId(0), fleet::Health::kHealthy);
  }
}

TEST_F(RetryTest, ARequestThatKillsIsTriedOnOneMoreOnly) {
  for (test::ScriptedServer* server : {&first, &second, &third})
    server->on_request([server](test::Peer&, const std::string&) { server->die(); });
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 502);
  EXPECT_EQ(asked.outcome().tries, 2U);
  EXPECT_TRUE(asked.outcome().keep);
  EXPECT_THAT(asked.client().received(), HasSubstr("\"code\":\"request_kills_endpoint\""));
  EXPECT_TRUE(first.is_dead() && second.is_dead());
  EXPECT_FALSE(third.is_dead());
}

TEST_F(RetryTest, ARequestThatKillsIsToldSoAlsoWhenNoTryIsLeft) {
  rules.max_attempts = 2;
  for (test::ScriptedServer* server : {&first, &second, &third})
    server->on_request([server](test::Peer&, const std::string&) { server->die(); });
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 502);
  EXPECT_THAT(asked.client().received(), HasSubstr("\"code\":\"request_kills_endpoint\""));
}

// The same on connections that were used before, where an end may also be an idle one's.
TEST_F(RetryTest, ARequestThatKillsIsNoticedOnUsedConnections) {
  for (std::uint32_t id : {1U, 0U}) {
    set_health(EndpointId(0), id == 1 ? fleet::Health::kUnhealthy : fleet::Health::kHealthy);
    Asked asked(gateway, post(kBody));
    ASSERT_EQ(asked.outcome().endpoint, "e" + std::to_string(id));
  }
  for (test::ScriptedServer* server : {&first, &second, &third})
    server->on_request([server](test::Peer&, const std::string&) { server->die(); });
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 502);
  EXPECT_THAT(asked.client().received(), HasSubstr("\"code\":\"request_kills_endpoint\""));
  EXPECT_FALSE(third.is_dead());
}

// A server that answers what it has, or whose supervisor is slow, refuses a moment later.
TEST_F(RetryTest, ADeathIsNoticedAlsoWhenThePortLivesALittleLonger) {
  std::vector<std::unique_ptr<net::Timer>> timers;
  for (test::ScriptedServer* server : {&first, &second, &third}) {
    server->on_request([&, server](test::Peer& peer, const std::string&) {
      peer.reset();
      timers.push_back(std::make_unique<net::Timer>(loop.io(), milliseconds(60)));
      timers.back()->async_wait([server](net::error_code) { server->die(); });
    });
  }
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 502);
  EXPECT_THAT(asked.client().received(), HasSubstr("\"code\":\"request_kills_endpoint\""));
  EXPECT_THAT(third.requests(), IsEmpty());
}

TEST_F(RetryTest, EndpointsThatOnlyResetAreNotDead) {
  for (test::ScriptedServer* server : {&first, &second})
    server->on_request(test::resets());
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_EQ(asked.outcome().endpoint, "e2");
}

TEST_F(RetryTest, OneDeathAndOneThatIsDownAlreadyAreNoProof) {
  first.on_request([this](test::Peer&, const std::string&) { first.die(); });
  second.die();
  Asked asked(gateway, post(kBody));
  EXPECT_EQ(asked.outcome().status, 200);
  EXPECT_EQ(asked.outcome().endpoint, "e2");
}

TEST_F(RetryTest, AClientThatLeavesWhileADeathIsLookedForEndsIt) {
  first.on_request([this](test::Peer&, const std::string&) { first.die(); });
  second.on_request(test::resets());
  Asked asked(gateway, post(kBody));
  loop.run_until([&] { return second.requests().size() == 1; });
  loop.run_for(milliseconds(40));
  EXPECT_FALSE(asked.done());
  asked.client().close();
  const TimePoint left = Clock::now();
  EXPECT_EQ(asked.outcome().status, log::kClientLeft);
  EXPECT_LT(Clock::now() - left, Deaths::kWatch / 2);
  EXPECT_THAT(third.requests(), IsEmpty());
}

}  // namespace
}  // namespace olla::proxy
