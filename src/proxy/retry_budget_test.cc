#include "proxy/retry_budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace olla::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kFloor = RetryBudget::kFloor;

/// Takes until there is none left.
std::uint64_t take_all(RetryBudget& budget, TimePoint now, std::uint32_t percent,
                       std::uint64_t in_flight = 0) {
  std::uint64_t taken = 0;
  while (budget.take(now, percent, in_flight))
    ++taken;
  return taken;
}

struct RetryBudgetTest : testing::Test {
  TimePoint now = TimePoint(seconds(1'000'000));
  RetryBudget budget;

  void requests(int count) {
    for (int i = 0; i < count; ++i)
      budget.note_request(now);
  }
};

TEST_F(RetryBudgetTest, IsAShareOfTheRequestsOnTopOfAFloor) {
  EXPECT_EQ(take_all(budget, now, 50), kFloor);
  requests(1000);
  EXPECT_EQ(take_all(budget, now, 50), 500U);
  EXPECT_FALSE(budget.has_left(now, 50, 0));
  EXPECT_TRUE(budget.has_left(now, 51, 0));
  EXPECT_EQ(budget.refused(), 2U);
}

TEST_F(RetryBudgetTest, ZeroPercentIsNone) {
  requests(1000);
  EXPECT_EQ(take_all(budget, now, 0, 1000), 0U);
}

// Long generations: all 200 began before the window, and 67 of them are lost at once.
TEST_F(RetryBudgetTest, OneEndpointOfThreeWithEverythingInFlightIsAbsorbed) {
  for (const std::uint32_t percent : {10U, 50U}) {
    RetryBudget fresh;
    EXPECT_GE(take_all(fresh, now, percent, 200), 67U) << percent;
  }
  EXPECT_GE(take_all(budget, now, 50, 600), 200U) << "or 200 of 600";
}

TEST_F(RetryBudgetTest, ForgetsWhatIsOlderThanTheWindow) {
  requests(1000);
  EXPECT_EQ(take_all(budget, now, 50), kFloor + 500);
  now += RetryBudget::kWindow - seconds(1);
  EXPECT_EQ(take_all(budget, now, 50), 0U) << "still in the window";
  now += seconds(1);
  EXPECT_EQ(take_all(budget, now, 50), kFloor) << "neither the requests nor the retries count";
  now += seconds(100'000);
  EXPECT_EQ(take_all(budget, now, 50), kFloor);
}

// A fleet that fails as a whole: what every request asks for is cut down to the share.
TEST_F(RetryBudgetTest, AStormIsCutDownToTheShare) {
  std::uint64_t granted = 0;
  for (int i = 0; i < 60'000; ++i) {  // A minute with 1000 requests a second, two retries each.
    budget.note_request(now);
    for (int retry = 0; retry < 2; ++retry)
      granted += budget.take(now, 20, 0) ? 1 : 0;
    now += milliseconds(1);
  }
  EXPECT_GE(granted, 60'000U / 5 - 2000);
  EXPECT_LE(granted, 60'000U / 5 + 60 / 10 * kFloor);
}

TEST_F(RetryBudgetTest, ThreadsCountTogether) {
  std::vector<std::thread> threads;
  std::atomic<std::uint64_t> taken{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int request = 0; request < 1000; ++request)
        budget.note_request(now);
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  threads.clear();
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { taken += take_all(budget, now, 50); });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_GE(taken.load(), kFloor + 2000);
  EXPECT_LE(taken.load(), kFloor + 2000 + 4);
}

}  // namespace
}  // namespace olla::proxy
