#include "routing/policy.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "base/random.h"

namespace olla::routing {
namespace {

using config::LoadBalancer;

struct Load {
  std::uint32_t load;
  std::uint32_t weight = 1;
  int priority = 100;
};

std::vector<Candidate> candidates(const std::vector<Load>& loads) {
  std::vector<Candidate> made;
  for (const Load& one : loads)
    made.push_back({static_cast<std::uint32_t>(made.size()), one.load, one.weight, one.priority});
  return made;
}

/// Who is chosen in `turns` consecutive turns, a letter for each.
std::string order(LoadBalancer policy, const std::vector<Load>& loads, std::uint32_t turns,
                  std::uint32_t first = 0) {
  std::string names;
  for (std::uint32_t turn = first; turn < first + turns; ++turn) {
    std::vector<Candidate> made = candidates(loads);
    names += static_cast<char>('a' + choose(policy, made, {.turn = turn}).index);
  }
  return names;
}

/// How often each is chosen with `draws` random draws.
std::vector<int> shares(LoadBalancer policy, const std::vector<Load>& loads, int draws) {
  constexpr std::uint64_t kSeed = 7;
  Random random(kSeed);
  std::vector<int> counts(loads.size());
  for (int i = 0; i < draws; ++i) {
    std::vector<Candidate> made = candidates(loads);
    ++counts[choose(policy, made, {.random = random.next()}).index];
  }
  return counts;
}

TEST(PolicyTest, LeastConnectionsTakesTheLeastBusyForItsWeightAndTiesInTurn) {
  const auto least = LoadBalancer::kLeastConnections;
  EXPECT_EQ(order(least, {{2}, {1}, {3}}, 3), "bbb");
  EXPECT_EQ(order(least, {{1}, {0}, {1}, {0}, {0}}, 7), "bdebdeb");
  EXPECT_EQ(order(least, {{4, 4}, {2, 1}}, 2), "aa");
  EXPECT_EQ(order(least, {{5, 4}, {1, 1}}, 2), "bb");
  EXPECT_EQ(order(least, {{4, 2}, {2, 1}, {3, 1}}, 6), "aabaab") << "by weight";
  EXPECT_EQ(order(least, {{0, 1, 1}, {0, 1, 9}}, 4), "abab") << "the priority does not count";
  // Products of the largest numbers do not overflow.
  EXPECT_EQ(order(least, {{4'000'000'000, 1'000'000'000}, {3'999'999'999, 1'000'000'000}}, 1), "b");
}

TEST(PolicyTest, PriorityTakesTheHighestTierAndInItTheLeastBusy) {
  const auto priority = LoadBalancer::kPriority;
  EXPECT_EQ(order(priority, {{0, 1, 1}, {9, 1, 2}}, 2), "bb");
  EXPECT_EQ(order(priority, {{9, 1, 2}, {0, 1, 1}, {3, 1, 2}, {3, 1, 2}}, 4), "cdcd");
  EXPECT_EQ(order(priority, {{0, 1, -5}, {0, 1, -7}}, 2), "aa");
}

// Olla's list of candidates is in an order of its own for every request, so that its round robin
// is a random choice.
TEST(PolicyTest, OllaW08RoundRobinGoesInTurn) {
  const auto turns = LoadBalancer::kRoundRobin;
  EXPECT_EQ(order(turns, {{0}, {9}, {0}}, 9), "abcabcabc");
  EXPECT_EQ(order(turns, {{0}, {9}, {0}}, 4, 2), "cabc");
  EXPECT_EQ(order(turns, {{0, 256, 1}, {0, 256, 9}}, 4), "abab") << "the priority does not count";
  EXPECT_EQ(order(turns, {{0}}, 3), "aaa");
}

TEST(PolicyTest, RoundRobinGivesEachItsWeightInEveryRound) {
  for (const std::vector<std::uint32_t>& weights : std::vector<std::vector<std::uint32_t>>{
           {1, 2}, {5, 1, 1}, {3, 3, 1}, {7, 1}, {2, 4, 6}, {1, 100}, {13, 8, 5, 3, 2, 1}}) {
    std::vector<Load> loads;
    std::uint32_t unit = 0;
    for (const std::uint32_t weight : weights) {
      loads.push_back({0, weight * 256});
      unit = std::gcd(unit, weight);
    }
    const std::uint32_t round = std::accumulate(weights.begin(), weights.end(), 0u) / unit;
    for (std::uint32_t first = 0; first < round; ++first) {
      const std::string names = order(LoadBalancer::kRoundRobin, loads, round, first);
      for (std::size_t i = 0; i < weights.size(); ++i) {
        const auto times = std::count(names.begin(), names.end(), static_cast<char>('a' + i));
        ASSERT_EQ(static_cast<std::uint32_t>(times), weights[i] / unit) << names;
      }
    }
  }
}

TEST(PolicyTest, RoundRobinSpreadsTheTurnsOfAHeavyOne) {
  EXPECT_EQ(order(LoadBalancer::kRoundRobin, {{0, 2}, {0, 1}}, 6), "aabaab");
  // One that has a third of the weight never waits for more than six turns.
  const std::string names = order(LoadBalancer::kRoundRobin, {{0, 40}, {0, 20}}, 120);
  EXPECT_EQ(names.find("aaaaaaa"), std::string::npos) << names;
  EXPECT_EQ(names.find("bbb"), std::string::npos) << names;
}

TEST(PolicyTest, RandomGoesByWeight) {
  const std::vector<int> counts = shares(LoadBalancer::kRandom, {{9, 1}, {0, 2}, {0, 5}}, 80'000);
  EXPECT_NEAR(counts[0], 10'000, 500);
  EXPECT_NEAR(counts[1], 20'000, 500);
  EXPECT_NEAR(counts[2], 50'000, 500);
}

TEST(PolicyTest, PowerOfTwoTakesTheLessBusyOfTwo) {
  const auto two = LoadBalancer::kPowerOfTwo;
  EXPECT_EQ(shares(two, {{3}, {2}}, 1000), (std::vector<int>{0, 1000}));
  EXPECT_EQ(shares(two, {{3, 2}, {2, 1}}, 1000), (std::vector<int>{1000, 0}));
  EXPECT_EQ(shares(two, {{5}}, 10), (std::vector<int>{10}));
  // Of three, the busiest is never the less busy one of two, and the least busy is one of the two
  // in two cases of three.
  const std::vector<int> counts = shares(two, {{1}, {0}, {2}}, 30'000);
  EXPECT_NEAR(counts[0], 10'000, 500);
  EXPECT_NEAR(counts[1], 20'000, 500);
  EXPECT_EQ(counts[2], 0);
  const std::vector<int> even = shares(two, {{1}, {1}, {1}}, 30'000);
  for (const int count : even)
    EXPECT_NEAR(count, 10'000, 500);
}

}  // namespace
}  // namespace olla::routing
