#include "metrics/registry.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace olla::metrics {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr EndpointId kFirst(0);
constexpr EndpointId kSecond(1);

const TimePoint kNow = TimePoint() + std::chrono::hours(1);

RequestRecord answered(EndpointId endpoint, std::string_view model, Duration duration,
                       int status = 200) {
  RequestRecord request;
  request.outcome = status < 500 ? Outcome::kSuccess : Outcome::kFailure;
  request.reason = status < 500 ? "" : "endpoint_error";
  request.status = status;
  request.endpoint = endpoint;
  request.model = model;
  request.tries = 1;
  request.bytes_in = 10;
  request.bytes_out = 100;
  request.duration = duration;
  return request;
}

RequestRecord rejected(int status, std::string_view reason) {
  RequestRecord request;
  request.outcome = status < 500 ? Outcome::kRejected : Outcome::kFailure;
  request.status = status;
  request.reason = reason;
  return request;
}

struct RegistryTest : testing::Test {
  Tally on(EndpointId endpoint) { return registry.totals().by_endpoint(2).at(endpoint.value()); }

  Registry registry;
  Recorder& one = registry.add_recorder();
  Recorder& other = registry.add_recorder();
};

TEST_F(RegistryTest, IsEmptyAtFirst) {
  const Totals totals = registry.totals();
  EXPECT_EQ(totals.requests, 0U);
  EXPECT_EQ(totals.success_percent(), 0);
  EXPECT_TRUE(totals.pairs.empty());
  EXPECT_EQ(totals.all().latency_ms(), 0);
}

TEST_F(RegistryTest, OllaW33EachRequestCountsOnce) {
  one.record(answered(kFirst, "m", milliseconds(100)), kNow);
  other.record(answered(kFirst, "m", milliseconds(300)), kNow);
  one.record(answered(kSecond, "", milliseconds(20)), kNow);
  const Totals totals = registry.totals();
  EXPECT_EQ(totals.requests, 3U);
  EXPECT_EQ(totals.bytes_in, 30U);
  EXPECT_EQ(totals.bytes_out, 300U);
  EXPECT_EQ(totals.all().requests, 3U);
  EXPECT_EQ(totals.all().bytes(), 330U);
  EXPECT_EQ(totals.by_endpoint(2)[0].requests, 2U);
  ASSERT_EQ(totals.by_model().size(), 1U);
  EXPECT_EQ(totals.by_model().at("m").requests, 2U);
}

TEST_F(RegistryTest, OllaW35ServerErrorsAreFailuresAndClientErrorsAreNot) {
  one.record(answered(kFirst, "m", seconds(1)), kNow);
  one.record(answered(kFirst, "m", seconds(1), 404), kNow);
  one.record(answered(kFirst, "m", seconds(1), 500), kNow);
  RequestRecord broken = answered(kFirst, "m", seconds(1));
  broken.outcome = Outcome::kFailure;
  broken.reason = "stream_broken";
  one.record(broken, kNow);
  const Totals totals = registry.totals();
  EXPECT_EQ(totals.requests, 4U);
  EXPECT_EQ(totals.failures, 2U);
  EXPECT_EQ(totals.success_percent(), 50);
  EXPECT_EQ(totals.failed.at("endpoint_error"), 1U);
  EXPECT_EQ(totals.failed.at("stream_broken"), 1U);
  EXPECT_TRUE(totals.rejected.empty());
  const Tally tally = on(kFirst);
  EXPECT_EQ(tally.successes(), 2U);
  EXPECT_EQ(tally.by_status, (std::array<std::uint64_t, 6>{0, 0, 2, 0, 1, 1}));
  EXPECT_EQ(tally.failures_in_a_row, 2U);
}

TEST_F(RegistryTest, OllaW35RefusalsAreCountedByTheirReason) {
  one.record(rejected(404, "model_not_found"), kNow);
  other.record(rejected(404, "model_not_found"), kNow);
  one.record(rejected(413, "request_too_large"), kNow);
  one.record(rejected(503, "no_healthy_endpoint"), kNow);
  RequestRecord untranslatable = rejected(400, "untranslatable");
  untranslatable.endpoint = kFirst;  // Was chosen, and never asked.
  one.record(untranslatable, kNow);
  const Totals totals = registry.totals();
  EXPECT_EQ(totals.requests, 5U);
  EXPECT_EQ(totals.rejections(), 5U);
  EXPECT_EQ(totals.rejected.at("model_not_found"), 2U);
  EXPECT_EQ(totals.rejected.at("request_too_large"), 1U);
  // Nobody could serve it: that is the operator's loss too.
  EXPECT_EQ(totals.rejected.at("no_healthy_endpoint"), 1U);
  EXPECT_EQ(totals.failures, 1U);
  EXPECT_TRUE(totals.pairs.empty());
}

TEST_F(RegistryTest, AClientThatLeftIsNeitherSuccessNorFailure) {
  one.record(answered(kFirst, "m", milliseconds(100)), kNow);
  RequestRecord left = answered(kFirst, "m", seconds(50));
  left.outcome = Outcome::kClientLeft;
  left.status = 499;
  one.record(left, kNow);
  left.endpoint.reset();
  one.record(left, kNow);  // Before an endpoint was asked.
  const Totals totals = registry.totals();
  EXPECT_EQ(totals.requests, 3U);
  EXPECT_EQ(totals.clients_left, 2U);
  EXPECT_EQ(totals.success_percent(), 100);
  EXPECT_TRUE(totals.rejected.empty());
  const Tally tally = on(kFirst);
  EXPECT_EQ(tally.requests, 2U);
  EXPECT_EQ(tally.successes(), 1U);
  EXPECT_EQ(tally.success_percent(), 100);
  EXPECT_EQ(tally.by_status[0], 1U);
  EXPECT_EQ(tally.latency_ms_max(), 100);
}

TEST_F(RegistryTest, LatenciesAreThoseOfSuccesses) {
  one.record(answered(kFirst, "m", milliseconds(100)), kNow);
  other.record(answered(kFirst, "m", milliseconds(300)), kNow);
  other.record(answered(kFirst, "m", seconds(900), 504), kNow);
  const Tally tally = on(kFirst);
  EXPECT_EQ(tally.latency_ms(), 200);
  EXPECT_EQ(tally.latency_ms_min(), 100);
  EXPECT_EQ(tally.latency_ms_max(), 300);
  EXPECT_GE(tally.latency_ms_quantile(0.95), 250);
  EXPECT_LE(tally.latency_ms_quantile(0.95), 300);
  EXPECT_EQ(tally.latency_ms_quantile(0), 100);
}

TEST_F(RegistryTest, LatenciesOverTheLastBoundAreTheMostThatWasSeen) {
  one.record(answered(kFirst, "m", seconds(700)), kNow);
  EXPECT_EQ(on(kFirst).latency_ms_quantile(0.99), 700'000);
}

TEST_F(RegistryTest, OllaW34ModelsHaveAllTheirCounts) {
  RequestRecord request = answered(kFirst, "Llama", milliseconds(100));
  request.client = "10.0.0.1";
  request.tokens = Tokens{12, 30, 4};
  request.first_token = milliseconds(80);
  one.record(request, kNow);
  one.gaps(kFirst, "Llama").observe(milliseconds(10));
  request.client = "10.0.0.2";
  request.endpoint = kSecond;
  request.tries = 2;
  other.record(request, kNow + seconds(5));
  other.note_failed_try(kFirst, "Llama");
  request.tries = 1;
  request.fallback = true;
  other.record(request, kNow + seconds(5));
  const Totals totals = registry.totals();
  const Tally tally = totals.by_model().at("Llama");
  EXPECT_EQ(totals.retries, 1U);
  EXPECT_EQ(tally.first_tries, 2U);
  EXPECT_EQ(tally.later_tries, 1U);
  EXPECT_EQ(tally.fallbacks, 1U);
  EXPECT_EQ(tally.failed_tries, 1U);
  EXPECT_EQ(clients_in(tally.clients), 2U);
  EXPECT_EQ(tally.prompt_tokens, 36U);
  EXPECT_EQ(tally.completion_tokens, 90U);
  EXPECT_EQ(tally.cached_tokens, 12U);
  EXPECT_EQ(tally.first_token.count(), 3U);
  EXPECT_EQ(tally.inter_token.count(), 1U);
  EXPECT_EQ(tally.last_requested, kNow + seconds(5));
  ASSERT_EQ(totals.pairs.size(), 2U);
  EXPECT_EQ(totals.pairs[1].endpoint, kSecond);
  EXPECT_EQ(totals.pairs[1].tally.requests, 2U);
}

TEST_F(RegistryTest, ModelsThatDifferInTheCaseOfLettersAreOne) {
  one.record(answered(kFirst, "Llama", milliseconds(1)), kNow);
  one.record(answered(kFirst, "LLAMA", milliseconds(1)), kNow);
  other.record(answered(kFirst, "llama", milliseconds(1)), kNow);
  other.record(answered(kSecond, "lLama", milliseconds(1)), kNow);
  const Totals totals = registry.totals();
  EXPECT_EQ(totals.pairs.size(), 2U);
  ASSERT_EQ(totals.by_model().size(), 1U);
  EXPECT_EQ(totals.by_model().begin()->second.requests, 4U);
}

TEST_F(RegistryTest, ASuccessOnOneThreadEndsARunOfFailuresOnAnother) {
  one.record(answered(kFirst, "m", seconds(1), 500), kNow);
  one.record(answered(kFirst, "m", seconds(1), 500), kNow + seconds(1));
  other.record(answered(kFirst, "m", seconds(1), 500), kNow + seconds(2));
  EXPECT_EQ(on(kFirst).failures_in_a_row, 3U);
  other.record(answered(kFirst, "m", seconds(1)), kNow + seconds(3));
  EXPECT_EQ(on(kFirst).failures_in_a_row, 0U);
  one.record(answered(kFirst, "m", seconds(1), 500), kNow + seconds(4));
  EXPECT_GE(on(kFirst).failures_in_a_row, 1U);
}

TEST_F(RegistryTest, OllaW36ModelsBeyondTheLimitShareOneBucket) {
  for (std::size_t i = 0; i < Recorder::kCellsMax + 500; ++i)
    one.record(answered(kFirst, "m" + std::to_string(i), milliseconds(1)), kNow);
  one.record(answered(kFirst, kUnknownModel, milliseconds(1)), kNow);
  one.record(answered(kFirst, "m0", milliseconds(1)), kNow);
  const Totals totals = registry.totals();
  EXPECT_EQ(totals.pairs.size(), Recorder::kCellsMax + 1);
  EXPECT_EQ(totals.by_model().at(std::string(kUnknownModel)).requests, 501U);
  EXPECT_EQ(totals.by_model().at("m0").requests, 2U);
  EXPECT_EQ(totals.requests, Recorder::kCellsMax + 502);
}

TEST_F(RegistryTest, WordsBeyondTheLimitAreCountedTogether) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < WordCounters::kMax + 10; ++i)
    words.push_back("word" + std::to_string(i));
  for (const std::string& word : words)
    one.record(rejected(400, word), kNow);
  const Totals totals = registry.totals();
  EXPECT_EQ(totals.rejected.size(), WordCounters::kMax);
  EXPECT_EQ(totals.rejected.at("other"), 11U);
  EXPECT_EQ(totals.rejections(), words.size());
}

TEST_F(RegistryTest, TheMessagesRouteHasCountsOfItsOwn) {
  RequestRecord request = answered(kFirst, "m", milliseconds(100));
  request.messages_route = true;
  request.event_stream = true;
  one.record(request, kNow);
  request = answered(kFirst, "m", milliseconds(300), 400);
  request.messages_route = true;
  other.record(request, kNow);
  request = rejected(503, "no_healthy_endpoint");
  request.messages_route = true;
  other.record(request, kNow);
  one.record(answered(kFirst, "m", milliseconds(100)), kNow);
  const MessagesTally messages = registry.totals().messages;
  EXPECT_EQ(messages.requests, 3U);
  EXPECT_EQ(messages.successes, 1U);
  EXPECT_EQ(messages.passed_through, 2U);
  EXPECT_EQ(messages.streams, 1U);
  EXPECT_EQ(messages.without_endpoint, 1U);
  EXPECT_EQ(messages.latency_microseconds, 400'000U);
}

TEST_F(RegistryTest, TheQueueIsCounted) {
  RequestRecord request = answered(kFirst, "m", seconds(3));
  request.queued = milliseconds(1500);
  one.record(request, kNow);
  EXPECT_EQ(registry.totals().queued, 1U);
  EXPECT_DOUBLE_EQ(registry.totals().queued_seconds, 1.5);
}

TEST_F(RegistryTest, MayBeReadWhileThreadsRecord) {
  constexpr std::uint64_t kRequests = 20'000;
  const auto work = [](Recorder& recorder) {
    for (std::uint64_t i = 0; i < kRequests; ++i) {
      const std::string model = "m" + std::to_string(i % 50);
      recorder.record(answered(kFirst, model, milliseconds(1), i % 4 == 0 ? 500 : 200), kNow);
    }
  };
  std::thread first(work, std::ref(one));
  std::thread second(work, std::ref(other));
  std::uint64_t seen = 0;
  std::uint64_t successes = 0;
  while (seen < 2 * kRequests) {
    const Totals totals = registry.totals();
    EXPECT_GE(totals.requests, seen);
    EXPECT_GE(totals.requests, totals.failures);
    const Tally all = totals.all();
    // All that was counted stands with its endpoint too, and no counter ever goes back.
    EXPECT_GE(all.requests, totals.requests);
    EXPECT_GE(all.successes(), successes);
    seen = totals.requests;
    successes = all.successes();
  }
  first.join();
  second.join();
  const Totals totals = registry.totals();
  EXPECT_EQ(totals.failures, kRequests / 2);
  EXPECT_EQ(totals.all().requests, 2 * kRequests);
  EXPECT_EQ(totals.by_model().size(), 50U);
}

}  // namespace
}  // namespace olla::metrics
