#include "fleet/breaker.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace olla::fleet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = Breaker::State;

constexpr config::Breaker kRules{.enabled = true, .failures = 3, .open_for = seconds(30)};
constexpr TimePoint kStart{seconds(1000)};

TimePoint at(int milliseconds_after_start) {
  return kStart + milliseconds(milliseconds_after_start);
}

/// Opens it at kStart.
void open(Breaker& breaker) {
  for (int i = 0; i < 3; ++i)
    breaker.note_failure(breaker.enter(kStart), kStart);
}

TEST(BreakerTest, OpensAfterFailuresInARow) {
  Breaker breaker(kRules);
  const auto fail = [&] {
    EXPECT_FALSE(breaker.note_failure(breaker.enter(kStart), kStart)) << "not yet";
  };
  fail();
  fail();
  EXPECT_EQ(breaker.report(kStart).failures_in_a_row, 2u);
  breaker.note_success(breaker.enter(kStart));
  EXPECT_EQ(breaker.report(kStart).failures_in_a_row, 0u);
  fail();
  fail();
  EXPECT_TRUE(breaker.admits(kStart));
  EXPECT_EQ(breaker.report(kStart).state, State::kClosed);
  EXPECT_EQ(breaker.report(kStart).opened_at, std::nullopt);
  EXPECT_TRUE(breaker.note_failure(breaker.enter(kStart), kStart));
  EXPECT_FALSE(breaker.admits(kStart));
  EXPECT_FALSE(breaker.enter(kStart).entered);
  const Breaker::Report report = breaker.report(at(10));
  EXPECT_EQ(report.state, State::kOpen);
  EXPECT_EQ(report.failures_in_a_row, 3u);
  EXPECT_EQ(report.opened_count, 1u);
  EXPECT_EQ(report.opened_at, kStart);
  EXPECT_EQ(report.half_open_at, at(30'000));
}

TEST(BreakerTest, RequestsThatFailTogetherFailOnce) {
  Breaker breaker(kRules);
  const Breaker::Pass before = breaker.enter(kStart);
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(breaker.note_failure(before, at(500)));
  EXPECT_EQ(breaker.report(at(500)).failures_in_a_row, 1u);
  // One that began behind the failure, and one that ends much later, say something new.
  EXPECT_FALSE(breaker.note_failure(breaker.enter(at(501)), at(502)));
  EXPECT_EQ(breaker.report(at(502)).failures_in_a_row, 2u);
  EXPECT_FALSE(breaker.note_failure(before, at(751)));
  EXPECT_TRUE(breaker.note_failure(before, at(752)));
}

TEST(BreakerTest, LetsOneRequestThroughWhenItWasOpenForItsTime) {
  Breaker breaker(kRules);
  open(breaker);
  EXPECT_FALSE(breaker.admits(at(29'999)));
  EXPECT_TRUE(breaker.admits(at(30'000)));
  EXPECT_EQ(breaker.report(at(30'000)).state, State::kHalfOpen);
  const Breaker::Pass probe = breaker.enter(at(30'000));
  EXPECT_TRUE(probe.entered);
  EXPECT_FALSE(breaker.admits(at(30'000)));
  EXPECT_FALSE(breaker.enter(at(30'000)).entered);
  EXPECT_EQ(breaker.report(at(30'001)).state, State::kHalfOpen);
  breaker.note_success(probe);
  EXPECT_EQ(breaker.report(at(30'001)).state, State::kClosed);
  EXPECT_TRUE(breaker.admits(at(30'001)));
}

TEST(BreakerTest, AFailedProbeOpensItAnew) {
  Breaker breaker(kRules);
  open(breaker);
  EXPECT_TRUE(breaker.note_failure(breaker.enter(at(30'000)), at(31'000)));
  EXPECT_FALSE(breaker.admits(at(60'999)));
  EXPECT_TRUE(breaker.admits(at(61'000)));
  const Breaker::Report report = breaker.report(at(31'000));
  EXPECT_EQ(report.opened_count, 2u);
  EXPECT_EQ(report.opened_at, at(31'000));
  EXPECT_EQ(report.failures_in_a_row, 4u);
}

TEST(BreakerTest, AProbeThatEndsWithoutAResultMakesRoomForAnother) {
  Breaker breaker(kRules);
  open(breaker);
  breaker.leave(breaker.enter(at(40'000)));
  EXPECT_TRUE(breaker.admits(at(40'000)));
  EXPECT_TRUE(breaker.enter(at(40'000)).entered);
  EXPECT_EQ(breaker.report(at(40'000)).opened_at, kStart);
}

TEST(BreakerTest, AProbeThatHangsGoesStale) {
  Breaker breaker(kRules);
  open(breaker);
  const Breaker::Pass first = breaker.enter(at(30'000));
  EXPECT_FALSE(breaker.admits(at(59'999)));
  EXPECT_TRUE(breaker.admits(at(60'000)));
  const Breaker::Pass second = breaker.enter(at(60'000));
  EXPECT_TRUE(second.entered);
  // What the first has to say comes too late, but for a success.
  breaker.note_failure(first, at(60'010));
  breaker.leave(first);
  EXPECT_EQ(breaker.report(at(60'010)).state, State::kHalfOpen);
  EXPECT_FALSE(breaker.admits(at(60'010)));
  breaker.note_success(first);
  EXPECT_EQ(breaker.report(at(60'010)).state, State::kClosed);
  breaker.note_failure(second, at(60'020));
  EXPECT_EQ(breaker.report(at(60'020)).state, State::kClosed);
}

TEST(BreakerTest, RequestsFromBeforeItOpenedSayNothing) {
  Breaker breaker(kRules);
  const Breaker::Pass old = breaker.enter(kStart);
  open(breaker);
  breaker.note_success(old);
  EXPECT_EQ(breaker.report(at(1)).state, State::kOpen);
  breaker.note_failure(old, at(20'000));
  EXPECT_TRUE(breaker.admits(at(30'000)));  // It was not opened anew.
  EXPECT_EQ(breaker.report(at(20'000)).opened_count, 1u);
}

TEST(BreakerTest, MayBeTriedEarlyWhereNobodyElseIsLeft) {
  Breaker breaker(kRules);
  open(breaker);
  EXPECT_FALSE(breaker.admits_early(at(999)));
  EXPECT_FALSE(breaker.enter(at(999)).entered);
  EXPECT_TRUE(breaker.admits_early(at(1000)));
  EXPECT_FALSE(breaker.admits(at(1000)));
  const Breaker::Pass probe = breaker.enter(at(1000));
  ASSERT_TRUE(probe.entered);
  EXPECT_FALSE(breaker.admits_early(at(2000)));  // One at a time.
  breaker.leave(probe);
  EXPECT_TRUE(breaker.admits_early(at(2000)));
  EXPECT_FALSE(breaker.admits(at(2000)));  // It opened when it did.
  breaker.note_success(breaker.enter(at(2000)));
  EXPECT_TRUE(breaker.admits(at(2000)));
}

TEST(BreakerTest, ResetClosesItAndKeepsTheCount) {
  Breaker breaker(kRules);
  open(breaker);
  const Breaker::Pass probe = breaker.enter(at(30'000));
  breaker.reset();
  EXPECT_TRUE(breaker.admits(at(30'000)));
  breaker.note_failure(probe, at(30'001));  // Of the server that is gone.
  EXPECT_EQ(breaker.report(at(30'001)).failures_in_a_row, 0u);
  EXPECT_EQ(breaker.report(at(30'001)).opened_count, 1u);
}

TEST(BreakerTest, DisabledItNeverOpens) {
  Breaker breaker(config::Breaker{.enabled = false, .failures = 1});
  for (int i = 0; i < 100; ++i)
    breaker.note_failure(breaker.enter(kStart), kStart);
  EXPECT_TRUE(breaker.admits(kStart));
  EXPECT_EQ(breaker.report(kStart).opened_count, 0u);
}

TEST(BreakerTest, OneFailureSufficesAndAHugeNumberIsReached) {
  Breaker one(config::Breaker{.failures = 1});
  one.note_failure(one.enter(kStart), kStart);
  EXPECT_FALSE(one.admits(kStart));
  Breaker huge(config::Breaker{.failures = 1'000'000});
  for (int i = 0; i < 16'382; ++i)
    huge.note_failure(huge.enter(kStart), kStart);
  EXPECT_TRUE(huge.admits(kStart));
  huge.note_failure(huge.enter(kStart), kStart);  // What its word can count to.
  EXPECT_FALSE(huge.admits(kStart));
}

TEST(BreakerTest, OfManyThreadsOneGetsThrough) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 500;
  Breaker breaker(config::Breaker{.enabled = true, .failures = 3, .open_for = milliseconds(1)});
  std::atomic<int> arrived{0};
  std::vector<std::atomic<int>> probes(kRounds);
  // Each round: all fail until it is open, then all try to enter, and the one that did closes it.
  const auto barrier = [&arrived](int target) {
    arrived.fetch_add(1);
    while (arrived.load() < target)
      std::this_thread::yield();
  };
  const auto work = [&] {
    for (int round = 0; round < kRounds; ++round) {
      const TimePoint now = at(round * 10);
      for (int i = 0; i < 3; ++i)
        breaker.note_failure({.entered = true}, now);
      barrier((round * 3 + 1) * kThreads);
      const Breaker::Pass pass = breaker.enter(now + milliseconds(1));
      if (pass.entered) probes[round].fetch_add(1);
      barrier((round * 3 + 2) * kThreads);
      if (pass.entered) breaker.note_success(pass);
      barrier((round * 3 + 3) * kThreads);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back(work);
  for (std::thread& thread : threads)
    thread.join();
  for (int round = 0; round < kRounds; ++round)
    ASSERT_EQ(probes[round].load(), 1) << "round " << round;
  EXPECT_EQ(breaker.report(at(1'000'000)).opened_count, static_cast<std::uint32_t>(kRounds));
}

TEST(BreakerTest, NamesItsStates) {
  EXPECT_STREQ(to_string(State::kClosed), "closed");
  EXPECT_STREQ(to_string(State::kOpen), "open");
  EXPECT_STREQ(to_string(State::kHalfOpen), "half_open");
}

}  // namespace
}  // namespace olla::fleet
