#include "sim/engine/core.h"

#include <gtest/gtest.h>

namespace olla::sim::engine {
namespace {

using std::chrono::milliseconds;

/// Steps of 10 ms, with prompts 20 ms. 1 ms to launch one, with prompts 5 ms; 2 ms before and 1 ms
/// after the engine.
Profile simple() {
  Profile out;
  out.decode_step.fixed = 10'000;
  out.prompt_step.fixed = 20'000;
  out.launch.decode = 1000;
  out.launch.small_prompt = 5000;
  out.launch.small_idle = 5000;
  out.front_end.before = 2000;
  out.front_end.after = 1000;
  out.limits.max_num_seqs = 4;
  out.limits.max_num_batched_tokens = 64;
  out.limits.num_gpu_blocks = 16;
  return out;
}

class CoreTest : public testing::Test {
 protected:
  void make(const Profile& profile) {
    core_.emplace(std::make_shared<const Profile>(profile), Policy::kFcfs);
  }

  static TimePoint at(int ms) { return TimePoint(milliseconds(ms)); }

  RequestId submit(int ms, std::size_t prompt, std::size_t answer, TokenSource* source = nullptr) {
    Request request;
    request.prompt = prompt_of(std::vector<std::uint32_t>(prompt, ++prompts_), 0);
    request.tokens_max = answer;
    request.source = source;
    return core_->submit(std::move(request), at(ms));
  }

  /// "0@23 0@33." are tokens of the first request after 23 and 33 ms, the latter its last.
  std::string take(int until) {
    std::string out;
    while (const auto output = core_->next(at(until))) {
      if (!out.empty()) out += ' ';
      out += std::to_string(output->request.value()) + "@" +
             std::to_string(output->time.time_since_epoch() / milliseconds(1));
      if (output->finish) out += output->finish == FinishReason::kStop ? "!" : ".";
    }
    return out;
  }

  std::optional<Core> core_;
  std::uint32_t prompts_ = 0;
};

// Ready at 2; on the GPU from 2 to 22. The next step is decided on at 7, and runs from 22 to 32.
TEST_F(CoreTest, GivesOneTokenAStep) {
  make(simple());
  EXPECT_EQ(core_->next_time(), std::nullopt);
  submit(0, 16, 3);
  EXPECT_EQ(core_->next_time(), at(2));
  EXPECT_EQ(take(22), "");
  EXPECT_EQ(core_->stats().running, 1U);
  EXPECT_EQ(core_->next_time(), at(23));
  EXPECT_EQ(take(23), "0@23");
  EXPECT_EQ(core_->next_time(), at(33));
  EXPECT_EQ(take(99), "0@33 0@43.");
  EXPECT_EQ(core_->next_time(), std::nullopt);
  EXPECT_EQ(core_->stats().running, 0U);
  EXPECT_EQ(core_->stats().kv_usage, 0.0);
  EXPECT_EQ(core_->stats().steps, 3U);
}

// The second is ready at 12, while two steps are under way. It is in the one that is decided on at
// 22, which runs from 32 to 52; the first one's last token is in it too.
TEST_F(CoreTest, LetsAnArrivalWaitForTheStepsUnderWay) {
  make(simple());
  submit(0, 16, 3);
  take(10);
  submit(10, 16, 2);
  EXPECT_EQ(take(99), "0@23 0@33 0@53. 1@53 1@63.");
}

// The launch of the first step would end at 32; the other request comes in at 5, which makes it 35,
// and then the launch of the second step holds the first one's tokens up until 40.
TEST_F(CoreTest, LaunchesSlowlyAndHoldsTokensUpMeanwhile) {
  Profile profile = simple();
  profile.launch.small_idle = 30'000;
  profile.launch.per_arrival = 3000;
  make(profile);
  submit(0, 16, 1);
  EXPECT_EQ(take(99), "0@33.");
  make(profile);
  submit(0, 16, 1);
  submit(3, 16, 1);
  EXPECT_EQ(take(99), "0@41. 1@56.");
}

TEST_F(CoreTest, DoesTheSameHoweverOftenItIsAsked) {
  std::string seldom;
  std::string often;
  make(simple());
  for (int i = 0; i < 6; ++i) {
    submit(7 * i, 40, 5);
  }
  seldom = take(999);
  make(simple());
  for (int ms = 0; ms < 999; ++ms) {
    if (ms < 42 && ms % 7 == 0) submit(ms, 40, 5);
    const std::string more = take(ms);
    if (!more.empty()) often += (often.empty() ? "" : " ") + more;
  }
  EXPECT_EQ(often, seldom);
  EXPECT_NE(seldom.find("5@"), std::string::npos);
}

class Words : public TokenSource {
 public:
  explicit Words(std::size_t ends_after) : ends_after_(ends_after) {}
  Sample sample() override { return {++count, count == ends_after_}; }
  std::uint32_t count = 0;

 private:
  std::size_t ends_after_;
};

TEST_F(CoreTest, EndsWhereTheTextDoes) {
  make(simple());
  Words words(2);
  submit(0, 16, 9, &words);
  EXPECT_EQ(take(99), "0@23 0@33!");
  EXPECT_EQ(words.count, 2U);
  EXPECT_EQ(core_->stats().finished[0], 1U);
}

TEST_F(CoreTest, StopsAtTheTokenThatTheClientHadLast) {
  make(simple());
  Words words(99);
  const RequestId id = submit(0, 16, 9, &words);
  EXPECT_EQ(take(33), "0@23 0@33");
  core_->stop(id, at(43));
  core_->stop(id, at(43));
  EXPECT_EQ(take(99), "");
  EXPECT_EQ(core_->stats().finished[0], 1U);
  EXPECT_EQ(core_->stats().generation_tokens, 2U);
  EXPECT_EQ(core_->stats().running, 0U);
  EXPECT_EQ(core_->next_time(), std::nullopt);
}

TEST_F(CoreTest, DropsAnAbortedRequestWhereverItIs) {
  Profile profile = simple();
  profile.limits.max_num_seqs = 1;
  make(profile);
  const RequestId running = submit(0, 16, 9);
  const RequestId waiting = submit(0, 16, 9);
  take(25);
  const RequestId early = submit(25, 16, 9);
  submit(25, 16, 1);
  EXPECT_EQ(core_->stats().running, 1U);
  EXPECT_EQ(core_->stats().waiting, 1U);
  for (const RequestId id : {early, waiting, running, running}) {
    core_->abort(id, at(26));
  }
  EXPECT_EQ(core_->stats().aborted, 3U);
  EXPECT_EQ(core_->stats().running + core_->stats().waiting, 0U);
  // The two steps that were under way end at 42; the last request is in the next one.
  EXPECT_EQ(take(99), "3@63.");
  EXPECT_EQ(core_->stats().kv_usage, 0.0);
}

TEST_F(CoreTest, MeasuresEachPhaseOfARequest) {
  Profile profile = simple();
  profile.limits.max_num_seqs = 1;
  make(profile);
  submit(0, 16, 3);   // scheduled at 2, tokens at 22, 32 and 42
  submit(10, 20, 2);  // ready at 12, scheduled at 42, tokens at 62 and 72
  EXPECT_EQ(take(99), "0@23 0@33 0@43. 1@63 1@73.");
  const Stats& stats = core_->stats();
  EXPECT_EQ(stats.prompt_tokens, 36U);
  EXPECT_EQ(stats.generation_tokens, 5U);
  EXPECT_NEAR(stats.time_to_first_token.sum(), 0.023 + 0.053, 1e-9);
  EXPECT_NEAR(stats.inter_token_latency.sum(), 0.030, 1e-9);
  EXPECT_EQ(stats.inter_token_latency.count(), 3U);
  EXPECT_NEAR(stats.e2e_latency.sum(), 0.043 + 0.063, 1e-9);
  EXPECT_NEAR(stats.queue_time.sum(), 0.030, 1e-9);
  EXPECT_NEAR(stats.prefill_time.sum(), 0.020 + 0.020, 1e-9);
  EXPECT_NEAR(stats.decode_time.sum(), 0.030, 1e-9);
  EXPECT_NEAR(stats.inference_time.sum(), 0.040 + 0.030, 1e-9);
  EXPECT_NEAR(stats.time_per_output_token.sum(), 0.020, 1e-9);
  EXPECT_EQ(stats.request_computed_tokens.sum(), 36);
  EXPECT_EQ(stats.request_max_tokens.sum(), 5);
  EXPECT_EQ(stats.step_tokens.sum(), 36 + 5);
  EXPECT_EQ(stats.step_tokens.count(), 5U);
}

TEST_F(CoreTest, ForgetsPrefixesOnlyWhenNothingRuns) {
  make(simple());
  submit(0, 33, 2);
  take(10);
  EXPECT_FALSE(core_->reset_prefixes(at(10)));
  take(99);
  --prompts_;
  submit(100, 33, 1);
  EXPECT_EQ(core_->next(at(199))->cached_tokens, 32U);
  EXPECT_TRUE(core_->reset_prefixes(at(200)));
  --prompts_;
  submit(200, 33, 1);
  EXPECT_EQ(core_->next(at(299))->cached_tokens, 0U);
  EXPECT_EQ(core_->stats().cached_tokens, 32U);
}

}  // namespace
}  // namespace olla::sim::engine
