#include "sim/engine.h"

#include <gtest/gtest.h>

namespace olla::sim {
namespace {

using std::chrono::milliseconds;

class EngineTest : public testing::Test {
 protected:
  Engine make(std::size_t max_num_seqs) const {
    EngineRules rules;
    rules.max_num_seqs = max_num_seqs;
    return Engine(rules);
  }

  /// A sequence of exactly `tokens` tokens.
  Sequence sequence(std::size_t tokens) const {
    return {{1, 2, 3}, TextGenerator(tokenizer_, 1, false), tokens, 0, true};
  }

  static TimePoint at(int ms) { return TimePoint(milliseconds(ms)); }

  Tokenizer tokenizer_;
};

std::vector<int> times(Engine& engine, TimePoint until) {
  std::vector<int> out;
  while (const auto event = engine.next(until)) {
    out.push_back(static_cast<int>(event->time.time_since_epoch() / milliseconds(1)));
  }
  return out;
}

TEST_F(EngineTest, GivesTheFirstTokenAfterTtftAndTheOthersEveryItl) {
  Engine engine = make(4);
  EXPECT_EQ(engine.next_time(), std::nullopt);
  engine.submit(sequence(4), at(1000));
  EXPECT_EQ(engine.next_time(), at(1050));
  EXPECT_EQ(times(engine, at(1049)), (std::vector<int>{}));
  EXPECT_EQ(times(engine, at(1050)), (std::vector<int>{1050}));
  EXPECT_EQ(engine.next_time(), at(1060));
  EXPECT_EQ(times(engine, at(2000)), (std::vector<int>{1060, 1070, 1080}));
  EXPECT_EQ(engine.next_time(), std::nullopt);
}

TEST_F(EngineTest, MarksTheLastTokenWithTheReason) {
  Engine engine = make(4);
  engine.submit(sequence(2), at(0));
  EXPECT_EQ(engine.next(at(100))->finish, std::nullopt);
  EXPECT_EQ(engine.next(at(100))->finish, FinishReason::kLength);
  EXPECT_EQ(engine.next(at(100)), std::nullopt);

  Sequence ends{{1}, TextGenerator(tokenizer_, 1, false), 1000, 0, false};
  engine.submit(std::move(ends), at(100));
  std::optional<TokenEvent> last;
  while (auto event = engine.next(at(10'000))) {
    last = event;
  }
  ASSERT_TRUE(last);
  EXPECT_EQ(last->token, Tokenizer::kTurnEnd);
  EXPECT_EQ(last->finish, FinishReason::kStop);
  EXPECT_EQ(engine.stats().finished[0], 1U);
  EXPECT_EQ(engine.stats().finished[1], 1U);
}

TEST_F(EngineTest, RunsNoMoreThanAllowedAndTheRestInTurn) {
  Engine engine = make(2);
  const SequenceId first = engine.submit(sequence(1), at(0));
  engine.submit(sequence(3), at(0));
  const SequenceId third = engine.submit(sequence(1), at(5));
  const SequenceId fourth = engine.submit(sequence(1), at(6));
  EXPECT_EQ(engine.stats().running, 2U);
  EXPECT_EQ(engine.stats().waiting, 2U);

  EXPECT_EQ(engine.next(at(50))->sequence, first);  // at 50: the third starts
  EXPECT_EQ(engine.stats().waiting, 1U);
  // The second runs at 50, 60 and 70, when the fourth starts; the third's token is due at 100.
  EXPECT_EQ(times(engine, at(99)), (std::vector<int>{50, 60, 70}));
  const auto third_token = engine.next(at(200));
  EXPECT_EQ(third_token->sequence, third);
  EXPECT_EQ(third_token->time, at(100));
  const auto fourth_token = engine.next(at(200));
  EXPECT_EQ(fourth_token->sequence, fourth);
  EXPECT_EQ(fourth_token->time, at(120));
  EXPECT_EQ(engine.stats().running, 0U);
}

TEST_F(EngineTest, GivesTokensOfOneTimeInTheOrderOfSubmission) {
  Engine engine = make(4);
  const SequenceId first = engine.submit(sequence(1), at(0));
  const SequenceId second = engine.submit(sequence(1), at(0));
  EXPECT_EQ(engine.next(at(50))->sequence, first);
  EXPECT_EQ(engine.next(at(50))->sequence, second);
}

TEST_F(EngineTest, ForgetsAnAbortedSequenceAtOnce) {
  Engine engine = make(1);
  const SequenceId running = engine.submit(sequence(100), at(0));
  const SequenceId waiting = engine.submit(sequence(100), at(0));
  const SequenceId last = engine.submit(sequence(1), at(0));
  times(engine, at(65));
  const double tokens = 16'384.0 * 16;
  EXPECT_NEAR(engine.stats().kv_usage, (3 + 2) / tokens, 1e-12);

  engine.abort(waiting, at(66));
  EXPECT_EQ(engine.stats().waiting, 1U);
  engine.abort(running, at(66));
  engine.abort(running, at(66));
  EXPECT_EQ(engine.stats().running, 1U);
  EXPECT_EQ(engine.stats().waiting, 0U);
  EXPECT_EQ(engine.stats().aborted, 2U);
  const auto event = engine.next(at(1000));
  EXPECT_EQ(event->sequence, last);
  EXPECT_EQ(event->time, at(116));
  EXPECT_EQ(engine.stats().kv_usage, 0.0);
  EXPECT_EQ(engine.stats().present, 0U);
  // As with a real server, an aborted sequence is counted neither as stopped nor as anything else.
  EXPECT_EQ(engine.stats().finished[0] + engine.stats().finished[1], 1U);
}

TEST_F(EngineTest, StopsASequenceAtItsLatestToken) {
  Engine engine = make(1);
  const SequenceId id = engine.submit(sequence(100), at(0));
  engine.next(at(1000));
  engine.stop(id, at(50));
  engine.stop(id, at(50));
  EXPECT_EQ(engine.next(at(1000)), std::nullopt);
  EXPECT_EQ(engine.stats().running, 0U);
  EXPECT_EQ(engine.stats().finished[0], 1U);
  EXPECT_EQ(engine.stats().generation_tokens, 1U);
}

TEST_F(EngineTest, DoesNotEndATextBeforeItsMinimum) {
  EngineRules rules;
  Engine engine(rules);
  engine.submit({{1}, TextGenerator(tokenizer_, 1, false), 1000, 300, false}, at(0));
  std::size_t tokens = 0;
  while (engine.next(at(60'000))) {
    ++tokens;
  }
  EXPECT_GT(tokens, 300U);
  EXPECT_LT(tokens, 330U);  // it ends with the next sentence
}

TEST_F(EngineTest, MeasuresEachPhaseOfARequest) {
  Engine engine = make(1);
  engine.submit(sequence(11), at(0));   // runs from 0 to 150
  engine.submit(sequence(3), at(100));  // waits for 50 ms, runs from 150 to 220
  times(engine, at(1000));
  const EngineStats& stats = engine.stats();
  EXPECT_EQ(stats.prompt_tokens, 6U);
  EXPECT_EQ(stats.generation_tokens, 14U);
  EXPECT_EQ(stats.time_to_first_token.count(), 2U);
  EXPECT_NEAR(stats.time_to_first_token.sum(), 0.05 + 0.10, 1e-9);
  EXPECT_EQ(stats.inter_token_latency.count(), 12U);
  EXPECT_NEAR(stats.inter_token_latency.sum(), 0.12, 1e-9);
  EXPECT_NEAR(stats.queue_time.sum(), 0.05, 1e-9);
  EXPECT_NEAR(stats.e2e_latency.sum(), 0.15 + 0.12, 1e-9);
  EXPECT_NEAR(stats.inference_time.sum(), 0.15 + 0.07, 1e-9);
  EXPECT_NEAR(stats.decode_time.sum(), 0.10 + 0.02, 1e-9);
  EXPECT_NEAR(stats.time_per_output_token.sum(), 0.02, 1e-9);
  EXPECT_EQ(stats.request_generation_tokens.sum(), 14);
}

TEST_F(EngineTest, WritesTheSameTextAtThePaceOfAProfile) {
  EngineRules rules;
  Engine steady(rules);
  rules.profile = engine::builtin_profile("llama-8b-h100");
  Engine real(rules);
  for (Engine* each : {&steady, &real}) {
    each->submit({{1, 2, 3}, TextGenerator(tokenizer_, 1, false), 1000, 0, false}, at(0));
  }
  std::vector<TokenId> tokens;
  while (const auto event = steady.next(at(60'000))) {
    tokens.push_back(event->token);
  }
  std::vector<TokenId> again;
  while (const auto event = real.next(at(60'000))) {
    again.push_back(event->token);
    EXPECT_EQ(event->finish.has_value(), event->token == Tokenizer::kTurnEnd);
  }
  EXPECT_EQ(again, tokens);
  EXPECT_EQ(real.stats().finished[0], 1U);
  EXPECT_NEAR(real.stats().time_to_first_token.sum(), 0.0177, 0.0001);
}

TEST_F(EngineTest, TellsWhatOfAPromptWasCached) {
  EngineRules rules;
  rules.profile = engine::builtin_profile("llama-8b-h100");
  Engine real(rules);
  const std::vector<TokenId> prompt(100, 7);
  const auto cached = [&](std::uint64_t salt, int when) {
    real.submit({prompt, TextGenerator(tokenizer_, 1, false), 1, 0, true, salt}, at(when));
    return real.next(at(when + 999))->cached_tokens;
  };
  EXPECT_EQ(cached(0, 0), 0U);
  EXPECT_EQ(cached(0, 1000), 96U);
  EXPECT_EQ(cached(5, 2000), 0U);
  EXPECT_TRUE(real.reset_prefixes(at(3000)));
  EXPECT_EQ(cached(0, 3000), 0U);
}

}  // namespace
}  // namespace olla::sim
