#include "app/sim_rules.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "sim/engine/profile.h"

namespace olla::app {
namespace {

using std::chrono::milliseconds;

TEST(SimRulesTest, TakesTheDefaultProfileAndWhatTheFlagsChange) {
  SimFlags flags;
  auto rules = sim_rules(flags);
  ASSERT_TRUE(rules.has_value());
  ASSERT_NE(rules->profile, nullptr);
  EXPECT_EQ(rules->profile->name, "llama-8b-h100");
  EXPECT_EQ(rules->profile->limits.max_num_seqs, 1024U);
  EXPECT_EQ(rules->max_model_len, 8192U);
  EXPECT_EQ(rules->policy, sim::engine::Policy::kFcfs);

  flags.profile = "llama-1b-h100";
  flags.max_num_seqs = 3;
  flags.max_num_batched_tokens = 100;
  flags.num_gpu_blocks = 10;
  flags.max_model_len = 160;
  flags.policy = "priority";
  flags.prefix_caching = false;
  rules = sim_rules(flags);
  ASSERT_TRUE(rules.has_value());
  EXPECT_EQ(rules->profile->limits.max_num_seqs, 3U);
  EXPECT_EQ(rules->profile->limits.max_num_batched_tokens, 100U);
  EXPECT_EQ(rules->profile->limits.num_gpu_blocks, 10U);
  EXPECT_FALSE(rules->profile->limits.enable_prefix_caching);
  EXPECT_EQ(rules->max_model_len, 160U);
  EXPECT_EQ(rules->policy, sim::engine::Policy::kPriority);
}

TEST(SimRulesTest, TakesASteadyPaceWhereOneIsAskedFor) {
  SimFlags flags;
  flags.itl = milliseconds(3);
  const auto rules = sim_rules(flags);
  ASSERT_TRUE(rules.has_value());
  EXPECT_EQ(rules->profile, nullptr);
  EXPECT_EQ(rules->ttft, milliseconds(50));
  EXPECT_EQ(rules->itl, milliseconds(3));
  EXPECT_EQ(rules->max_num_seqs, 256U);
}

TEST(SimRulesTest, RefusesRequestsThatTheCacheCannotHold) {
  SimFlags flags;
  flags.num_gpu_blocks = 10;
  flags.max_model_len = 161;
  const auto rules = sim_rules(flags);
  ASSERT_FALSE(rules.has_value());
  EXPECT_EQ(rules.error().detail,
            "the KV cache has 10 blocks, and a request of --max-model-len 161 needs 11");
}

TEST(SimRulesTest, GivesATraceAllThatFits) {
  SimFlags flags;
  flags.trace = "some.jsonl";
  flags.num_gpu_blocks = 100;
  EXPECT_EQ(sim_rules(flags)->max_model_len, 1600U);
  flags.max_model_len = 20;
  EXPECT_EQ(sim_rules(flags)->max_model_len, 20U);
}

TEST(SimRulesTest, ReadsAProfileFromAFile) {
  const std::string path = testing::TempDir() + "sim_rules_test.yaml";
  std::string text(sim::engine::builtin_profile_texts().front());
  text.replace(text.find("llama-8b-h100"), 13, "mine");
  std::ofstream(path) << text;
  SimFlags flags;
  flags.profile = path;
  const auto rules = sim_rules(flags);
  ASSERT_TRUE(rules.has_value()) << rules.error().detail;
  EXPECT_EQ(rules->profile->name, "mine");
  std::ofstream(path) << "name: mine";
  EXPECT_NE(sim_rules(flags).error().detail.find("decode_step: must be a mapping"),
            std::string::npos);
  std::remove(path.c_str());
  EXPECT_EQ(sim_rules(flags).error().detail,
            "--profile: no such file, and no such profile; there are: llama-8b-h100, "
            "llama-1b-h100, demo");
}

}  // namespace
}  // namespace olla::app
