#include "sim/engine/profile.h"

#include <gtest/gtest.h>

#include "sim/engine/cost_model.h"

namespace olla::sim::engine {
namespace {

std::string replaced(std::string_view from, std::string_view to) {
  std::string text(builtin_profile_texts().front());
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ProfileTest, ReadsEachNumberOfTheDefault) {
  const auto profile = builtin_profile(kDefaultProfile);
  ASSERT_NE(profile, nullptr);
  EXPECT_EQ(profile->decode_step.fixed, 6447);
  EXPECT_EQ(profile->decode_step.per_sequence, 9);
  EXPECT_EQ(profile->decode_step.per_context_token, 0.0475);
  EXPECT_EQ(profile->prompt_step.fixed, 4345);
  EXPECT_EQ(profile->prompt_step.per_token, 21);
  EXPECT_EQ(profile->prompt_step.per_pair, 0.000946);
  EXPECT_EQ(profile->prompt_step.per_context_token, 0.0377);
  EXPECT_EQ(profile->launch.schedule, 600);
  EXPECT_EQ(profile->launch.graph_tokens, 512U);
  EXPECT_EQ(profile->front_end.before_per_token, 0.6);
  EXPECT_EQ(profile->limits.max_num_batched_tokens, 8192U);
  EXPECT_EQ(profile->limits.num_gpu_blocks, 28'934U);
  EXPECT_TRUE(profile->limits.enable_prefix_caching);
}

TEST(ProfileTest, KnowsItsNames) {
  EXPECT_EQ(builtin_profile_names(),
            (std::vector<std::string>{"llama-8b-h100", "llama-1b-h100", "demo"}));
  EXPECT_EQ(builtin_profile("llama-70b"), nullptr);
}

TEST(ProfileTest, SaysWhatIsWrong) {
  struct Case {
    std::string text;
    std::string_view said;
  };
  for (const Case& each :
       {Case{replaced("fixed: 6447", "fixd: 6447"), "decode_step.fixed: is missing"},
        Case{replaced("fixed: 6447", "fixd: 6447"), "decode_step.fixd: is no known key"},
        Case{replaced("fixed: 6447", "fixed: 0"), "decode_step.fixed: must be more than 0"},
        Case{replaced("fixed: 6447", "fixed: -1"), "must be a number from 0 on, not \"-1\""},
        Case{replaced("fixed: 6447", "fixed: nan"), "must be a number from 0 on"},
        Case{replaced("fixed: 6447", "fixed: 1e300"), "must be a number from 0 on"},
        Case{replaced("fixed: 6447", "fixed: [1]"), "decode_step.fixed: is missing"},
        Case{replaced("num_gpu_blocks: 28934", "num_gpu_blocks: 1.5"),
             "limits.num_gpu_blocks: must be a whole number of at least 1"},
        Case{replaced("num_gpu_blocks: 28934", "num_gpu_blocks: 0"), "of at least 1"},
        Case{replaced("caching: true", "caching: maybe"), "must be true or false"},
        Case{replaced("front_end:", "frontend:"), "front_end: must be a mapping"},
        Case{replaced("name: llama-8b-h100", "nam: x"), "name: is missing"},
        Case{"[]", "must be a mapping"}, Case{"a: [", "profile"}}) {
    const auto profile = parse_profile(each.text);
    ASSERT_FALSE(profile.has_value()) << each.said;
    EXPECT_NE(profile.error().detail.find(each.said), std::string::npos) << profile.error().detail;
  }
}

TEST(CostModelTest, KnowsNoStepOfMoreThanAnHour) {
  Profile profile = *builtin_profile(kDefaultProfile);
  profile.prompt_step.per_pair = kMicrosecondsMax;
  StepWork work;
  work.add_prompt(8192, 100'000);
  EXPECT_EQ(step_time(profile, work), std::chrono::hours(1));
}

TEST(CostModelTest, AddsUpTheWorkOfAStep) {
  const Profile profile = *builtin_profile(kDefaultProfile);
  struct Case {
    std::vector<std::pair<std::size_t, std::size_t>> prompts;  // tokens, computed before
    std::vector<std::size_t> decodes;                          // computed before
    double microseconds;
    double launch;
    double idle_launch;
  };
  for (const Case& each :
       {// 6447 + 2 * 9 + 0.0475 * (1000 + 3000)
        Case{{}, {999, 2999}, 6655, 3000, 3000},
        // 4345 + 21 * 100 + 0.000946 * 100 * 50.5
        Case{{{100, 0}}, {}, 6449.7773, 12000, 10500},
        // 4345 + 21 * 512, as 511 + 1 tokens fit the graph; pairs 511 * (1600 + 256); 101 * 0.0377
        Case{{{511, 1600}}, {100}, 15998.0092, 12000, 10500},
        // 4345 + 21 * 514, one too many; pairs 512 * (0 + 256.5) and 1 * 1
        Case{{{512, 0}, {1, 0}}, {100}, 15267.0440, 29000, 22000}}) {
    StepWork work;
    for (const auto& [tokens, computed] : each.prompts) {
      work.add_prompt(tokens, computed);
    }
    for (const std::size_t computed : each.decodes) {
      work.add_decode(computed);
    }
    const auto microseconds = [](Duration duration) {
      return std::chrono::duration<double, std::micro>(duration).count();
    };
    EXPECT_NEAR(microseconds(step_time(profile, work)), each.microseconds, 0.001);
    EXPECT_EQ(microseconds(launch_time(profile, work, false)), each.launch);
    EXPECT_EQ(microseconds(launch_time(profile, work, true)), each.idle_launch);
  }
}

}  // namespace
}  // namespace olla::sim::engine
