#include "proxy/retry_rules.h"

#include <gtest/gtest.h>

namespace olla::proxy {
namespace {

/// A POST whose body the endpoint has.
TryFacts ended(TryEnd end) {
  TryFacts facts;
  facts.end = end;
  facts.all_sent = true;
  return facts;
}

TryFacts answered(int status, bool has_retry_after = false) {
  TryFacts facts = ended(TryEnd::kAnswered);
  facts.status = status;
  facts.has_retry_after = has_retry_after;
  return facts;
}

struct RetryRulesTest : testing::Test {
  config::Retry rules;
  RetryState state{.repeatable = true, .tries = 1};

  [[nodiscard]] Verdict verdict(const TryFacts& facts) const {
    return after_try(rules, state, facts);
  }
};

TEST_F(RetryRulesTest, WhatIsTriedElsewhere) {
  for (const TryEnd end : {TryEnd::kUnreached, TryEnd::kClosed, TryEnd::kOut})
    EXPECT_EQ(verdict(ended(end)), Verdict::kElsewhere) << static_cast<int>(end);
  for (const TryEnd end : {TryEnd::kSilent, TryEnd::kGarbled, TryEnd::kCancelled})
    EXPECT_EQ(verdict(ended(end)), Verdict::kFinal) << static_cast<int>(end);
}

TEST_F(RetryRulesTest, OllaW16WhichStatusesAreTriedElsewhere) {
  for (const int status : {502, 503, 504})
    EXPECT_EQ(verdict(answered(status)), Verdict::kElsewhere) << status;
  for (const int status : {200, 204, 301, 400, 401, 404, 408, 422, 500, 501})
    EXPECT_EQ(verdict(answered(status, true)), Verdict::kFinal) << status;
  EXPECT_EQ(verdict(answered(429, true)), Verdict::kElsewhere);
  EXPECT_EQ(verdict(answered(429, false)), Verdict::kFinal) << "it may be the client's own quota";
  TryFacts draining = answered(500);
  draining.not_taken = true;
  EXPECT_EQ(verdict(draining), Verdict::kElsewhere);
}

// What may run only once is repeated for failures which show that nothing ran.
TEST_F(RetryRulesTest, OllaW15APostThatMayHaveRunIsRepeatedOnlyWhereThatDoesNoHarm) {
  state.repeatable = false;
  EXPECT_EQ(verdict(ended(TryEnd::kUnreached)), Verdict::kElsewhere);
  EXPECT_EQ(verdict(answered(503)), Verdict::kElsewhere);
  EXPECT_EQ(verdict(answered(429, true)), Verdict::kElsewhere);
  EXPECT_EQ(verdict(ended(TryEnd::kClosed)), Verdict::kFinal);
  EXPECT_EQ(verdict(ended(TryEnd::kOut)), Verdict::kFinal);
  EXPECT_EQ(verdict(answered(502)), Verdict::kFinal);
  EXPECT_EQ(verdict(answered(504)), Verdict::kFinal);
  TryFacts cut_short = ended(TryEnd::kClosed);
  cut_short.all_sent = false;
  EXPECT_EQ(verdict(cut_short), Verdict::kElsewhere) << "half a request is none";
}

TEST_F(RetryRulesTest, WhatIsRepeatable) {
  for (const char* method : {"GET", "HEAD", "OPTIONS"})
    EXPECT_TRUE(is_repeatable(rules, method, "/api/delete")) << method;
  const auto inference = {"/v1/chat/completions",
                          "/v1/messages",
                          "/v1/audio/speech",
                          "/api/chat",
                          "/api/v0/completions",
                          "/v3/chat/completions",
                          "/engines/llama.cpp/v1/chat/completions"};
  for (const char* path : inference) {
    EXPECT_TRUE(is_repeatable(rules, "POST", path)) << path;
    EXPECT_FALSE(is_repeatable(rules, "DELETE", path)) << path;
  }
  for (const char* path : {"/api/pull", "/api/delete", "/v1/load_lora_adapter", "/v1/files", ""})
    EXPECT_FALSE(is_repeatable(rules, "POST", path)) << path;
  rules.non_idempotent = false;
  for (const char* path : inference)
    EXPECT_FALSE(is_repeatable(rules, "POST", path)) << path;
}

TEST_F(RetryRulesTest, OllaW06NothingIsTriedAgainBehindTheFirstByte) {
  state.client_saw_something = true;
  EXPECT_EQ(verdict(ended(TryEnd::kUnreached)), Verdict::kFinal);
  EXPECT_EQ(verdict(ended(TryEnd::kClosed)), Verdict::kFinal);
  EXPECT_EQ(verdict(answered(503)), Verdict::kFinal);
}

TEST_F(RetryRulesTest, KeepsToTheLimits) {
  rules.max_attempts = 2;
  EXPECT_EQ(verdict(ended(TryEnd::kClosed)), Verdict::kElsewhere);
  state.tries = 2;
  EXPECT_EQ(verdict(ended(TryEnd::kClosed)), Verdict::kFinal);
  state.tries = 1;
  rules.enabled = false;
  EXPECT_EQ(verdict(ended(TryEnd::kUnreached)), Verdict::kFinal);
}

TEST_F(RetryRulesTest, ARequestUnderWhichEndpointsDieIsTriedOnOneMoreOnly) {
  state.deaths = 1;
  EXPECT_EQ(verdict(ended(TryEnd::kClosed)), Verdict::kElsewhere);
  state.tries = 2;
  EXPECT_EQ(verdict(ended(TryEnd::kUnreached)), Verdict::kElsewhere) << "it never got there";
  state.deaths = 2;
  EXPECT_EQ(verdict(ended(TryEnd::kClosed)), Verdict::kKillsEndpoint);
}

// An answer that is not streamed takes as long as the whole generation.
TEST(DefaultsTest, OllaW05AnAnswerMayTakeAQuarterOfAnHourToBegin) {
  const config::Proxy defaults;
  EXPECT_EQ(defaults.response_header_timeout, std::chrono::minutes(15));
  EXPECT_GE(defaults.response_timeout, defaults.response_header_timeout);
}

}  // namespace
}  // namespace olla::proxy
