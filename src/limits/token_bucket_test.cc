#include "limits/token_bucket.h"

#include <gtest/gtest.h>

#include <limits>

namespace olla::limits {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kNow{std::chrono::hours(1)};

TEST(TokenBucketTest, GivesItsBurstAndThenOneTokenPerInterval) {
  const BucketRules rules(60, 3);
  TimePoint bucket = TimePoint::min();
  for (std::uint64_t left = 3; left > 0; --left) {
    EXPECT_EQ(rules.tokens(bucket, kNow), left);
    ASSERT_EQ(rules.wait(bucket, kNow), Duration::zero());
    bucket = rules.take(bucket, kNow);
  }
  EXPECT_EQ(rules.tokens(bucket, kNow), 0u);
  EXPECT_EQ(rules.wait(bucket, kNow), seconds(1));
  EXPECT_EQ(rules.wait(bucket, kNow + milliseconds(400)), milliseconds(600));
  EXPECT_EQ(rules.tokens(bucket, kNow + milliseconds(999)), 0u);
  EXPECT_EQ(rules.wait(bucket, kNow + seconds(1)), Duration::zero());
  EXPECT_EQ(rules.tokens(bucket, kNow + seconds(1)), 1u);
}

TEST(TokenBucketTest, IsFullAtTheTimeThatItNames) {
  const BucketRules rules(120, 10);
  TimePoint bucket = TimePoint::min();
  for (int i = 0; i < 10; ++i)
    bucket = rules.take(bucket, kNow);
  EXPECT_EQ(bucket, kNow + seconds(5));
  EXPECT_EQ(rules.tokens(bucket, bucket - Duration(1)), 9u);
  EXPECT_EQ(rules.tokens(bucket, bucket), 10u);
  EXPECT_EQ(rules.tokens(bucket, bucket + std::chrono::hours(24)), 10u);
}

TEST(TokenBucketTest, LetsThroughTheRateOverALongTime) {
  const BucketRules rules(90, 5);
  TimePoint bucket = TimePoint::min();
  int taken = 0;
  for (TimePoint now = kNow; now < kNow + std::chrono::minutes(10); now += milliseconds(50)) {
    if (rules.wait(bucket, now) > Duration::zero()) continue;
    bucket = rules.take(bucket, now);
    ++taken;
  }
  EXPECT_GE(taken, 900);
  EXPECT_LE(taken, 905);
}

TEST(TokenBucketTest, WithoutANumberThereIsNoLimit) {
  EXPECT_FALSE(BucketRules(0, 50).enabled());
  EXPECT_TRUE(BucketRules(1, 1).enabled());
}

TEST(TokenBucketTest, ExtremeNumbersDoNotOverflow) {
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  for (const std::uint32_t per_minute : {1u, 7u, kMost}) {
    for (const std::uint32_t burst : {0u, 1u, kMost}) {
      const BucketRules rules(per_minute, burst);
      const TimePoint bucket = rules.take(TimePoint::min(), kNow);
      EXPECT_GT(bucket, kNow);
      EXPECT_EQ(rules.tokens(bucket, kNow) + 1, rules.tokens(TimePoint::min(), kNow));
      EXPECT_EQ(rules.wait(bucket, kNow) > Duration::zero(), burst <= 1);
    }
  }
}

}  // namespace
}  // namespace olla::limits
