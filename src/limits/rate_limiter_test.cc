#include "limits/rate_limiter.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace olla::limits {
namespace {

using std::chrono::seconds;

constexpr TimePoint kNow{std::chrono::hours(1)};
const IpBits kAnna = *parse_ip("192.0.2.1");
const IpBits kBert = *parse_ip("192.0.2.2");

config::RateLimits limits(std::uint32_t global, std::uint32_t per_ip, std::uint32_t burst) {
  config::RateLimits limits;
  limits.global_requests_per_minute = global;
  limits.per_ip_requests_per_minute = per_ip;
  limits.burst_size = burst;
  return limits;
}

TEST(RateLimiterTest, WithoutNumbersEverythingGoesThrough) {
  RateLimiter limiter(limits(0, 0, 1), 1);
  EXPECT_FALSE(limiter.enabled());
  for (int i = 0; i < 1000; ++i) {
    const RateVerdict verdict = limiter.admit(kAnna, kNow);
    EXPECT_TRUE(verdict.admitted);
    EXPECT_EQ(verdict.per_minute, 0u);
  }
}

TEST(RateLimiterTest, EachClientHasItsOwnLimit) {
  RateLimiter limiter(limits(0, 60, 2), 1);
  EXPECT_TRUE(limiter.admit(kAnna, kNow).admitted);
  EXPECT_TRUE(limiter.admit(kAnna, kNow).admitted);
  EXPECT_FALSE(limiter.admit(kAnna, kNow).admitted);
  EXPECT_TRUE(limiter.admit(kBert, kNow).admitted);
  EXPECT_TRUE(limiter.admit(kAnna, kNow + seconds(1)).admitted);
}

TEST(RateLimiterTest, OllaW39TheGlobalLimitHoldsWithoutALimitPerClient) {
  RateLimiter limiter(limits(60, 0, 2), 1);
  EXPECT_TRUE(limiter.admit(kAnna, kNow).admitted);
  EXPECT_TRUE(limiter.admit(kBert, kNow).admitted);
  const RateVerdict denied = limiter.admit(kAnna, kNow);
  EXPECT_FALSE(denied.admitted);
  EXPECT_EQ(denied.per_minute, 60u);
  EXPECT_EQ(denied.retry_in, seconds(1));
}

TEST(RateLimiterTest, OllaW39TheFiguresAreThoseOfTheBucket) {
  RateLimiter limiter(limits(0, 60, 3), 1);
  const RateVerdict first = limiter.admit(kAnna, kNow);
  EXPECT_EQ(first.per_minute, 60u);
  EXPECT_EQ(first.remaining, 2u);
  EXPECT_EQ(first.full_in, seconds(1));
  static_cast<void>(limiter.admit(kAnna, kNow));
  static_cast<void>(limiter.admit(kAnna, kNow));
  const RateVerdict denied = limiter.admit(kAnna, kNow);
  EXPECT_FALSE(denied.admitted);
  EXPECT_EQ(denied.remaining, 0u);
  EXPECT_EQ(denied.full_in, seconds(3));
  EXPECT_EQ(denied.retry_in, seconds(1));
}

TEST(RateLimiterTest, TheNearestLimitIsTold) {
  RateLimiter limiter(limits(30, 60, 4), 1);
  EXPECT_EQ(limiter.admit(kAnna, kNow).per_minute, 60u);  // Both have three left.
  EXPECT_EQ(limiter.admit(kBert, kNow).per_minute, 30u);  // Two of all, three of its own.
  static_cast<void>(limiter.admit(kAnna, kNow));
  static_cast<void>(limiter.admit(kAnna, kNow));
  EXPECT_EQ(limiter.admit(kBert, kNow).per_minute, 30u);
}

TEST(RateLimiterTest, ADeniedRequestCostsNothing) {
  RateLimiter limiter(limits(60, 60, 2), 1);
  EXPECT_TRUE(limiter.admit(kAnna, kNow).admitted);
  EXPECT_TRUE(limiter.admit(kAnna, kNow).admitted);
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(limiter.admit(kAnna, kNow).admitted);
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(limiter.admit(kBert, kNow).admitted);  // By the global limit.
  EXPECT_TRUE(limiter.admit(kAnna, kNow + seconds(1)).admitted);
  EXPECT_TRUE(limiter.admit(kBert, kNow + seconds(2)).admitted);
  const RateVerdict verdict = limiter.admit(kBert, kNow + seconds(3));
  EXPECT_TRUE(verdict.admitted);
  EXPECT_EQ(verdict.remaining, 0u);  // Of all: of three tokens three are taken.
}

TEST(RateLimiterTest, WhoIsOverBothLimitsIsToldTheLongerWait) {
  RateLimiter limiter(limits(6, 60, 1), 1);
  EXPECT_TRUE(limiter.admit(kAnna, kNow).admitted);
  EXPECT_EQ(limiter.admit(kAnna, kNow).retry_in, seconds(10));
  RateLimiter other(limits(60, 6, 1), 1);
  EXPECT_TRUE(other.admit(kAnna, kNow).admitted);
  EXPECT_EQ(other.admit(kAnna, kNow).retry_in, seconds(10));
}

TEST(RateLimiterTest, ManyThreadsGetExactlyTheBurst) {
  RateLimiter limiter(limits(1, 1, 500), 1);
  std::atomic<int> admitted{0};
  const auto work = [&] {
    for (int i = 0; i < 1000; ++i)
      admitted += limiter.admit(kAnna, kNow).admitted ? 1 : 0;
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back(work);
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(admitted, 500);
}

}  // namespace
}  // namespace olla::limits
