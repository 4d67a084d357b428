#include "routing/sticky_sessions.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/random.h"

namespace olla::routing {
namespace {

using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours(1)};
constexpr EndpointId kA{0};
constexpr EndpointId kB{1};

config::StickySessions rules(std::uint32_t max_sessions, seconds ttl = seconds(60)) {
  config::StickySessions made;
  made.max_sessions = max_sessions;
  made.idle_ttl = ttl;
  return made;
}

/// Active, insertions, hits, misses, evictions, repins.
std::vector<std::uint64_t> counts(StickySessions& sessions, TimePoint now) {
  const StickySessions::Report report = sessions.report(now);
  return {report.active, report.insertions, report.hits,
          report.misses, report.evictions,  report.repins};
}

TEST(StickySessionsTest, KeepsASessionOnItsEndpoint) {
  StickySessions sessions(rules(10));
  EXPECT_EQ(sessions.find(1, kStart), std::nullopt);
  sessions.pin(1, kA, kStart);
  EXPECT_EQ(sessions.find(1, kStart), kA);
  sessions.pin(1, kA, kStart);
  sessions.pin(1, kB, kStart);
  EXPECT_EQ(sessions.find(1, kStart), kB);
  EXPECT_EQ(sessions.find(2, kStart), std::nullopt);
  EXPECT_EQ(counts(sessions, kStart), (std::vector<std::uint64_t>{1, 1, 2, 2, 0, 1}));
}

TEST(StickySessionsTest, ASessionEndsWhenItIsNotUsed) {
  StickySessions sessions(rules(10));
  sessions.pin(1, kA, kStart);
  EXPECT_EQ(sessions.find(1, kStart + seconds(59)), kA);
  EXPECT_EQ(sessions.find(1, kStart + seconds(118)), kA) << "each use counts";
  EXPECT_EQ(sessions.find(1, kStart + seconds(178)), std::nullopt);
  EXPECT_EQ(counts(sessions, kStart), (std::vector<std::uint64_t>{0, 1, 2, 1, 1, 0}));
  StickySessions for_ever(rules(10, seconds(0)));
  for_ever.pin(1, kA, kStart);
  EXPECT_EQ(for_ever.find(1, kStart + std::chrono::hours(100'000)), kA);
}

TEST(StickySessionsTest, TheOneUsedLeastLatelyMakesRoom) {
  StickySessions sessions(rules(3));
  for (std::uint64_t i = 1; i <= 3; ++i)
    sessions.pin(i, kA, kStart);
  sessions.find(1, kStart);
  sessions.pin(4, kB, kStart);
  EXPECT_EQ(sessions.find(2, kStart), std::nullopt);
  for (const std::uint64_t i : {1, 3, 4})
    EXPECT_TRUE(sessions.find(i, kStart)) << i;
  EXPECT_EQ(sessions.report(kStart).evictions, 1u);
  EXPECT_EQ(sessions.report(kStart).active, 3u);
}

TEST(StickySessionsTest, IsBoundedAndCountsExactlyUnderThreads) {
  constexpr std::uint32_t kMax = 2000;
  constexpr int kThreads = 4;
  constexpr std::uint64_t kSteps = 20'000;
  StickySessions sessions(rules(kMax));
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&sessions, i] {
      Random random(static_cast<std::uint64_t>(i));
      for (std::uint64_t step = 0; step < kSteps; ++step) {
        const std::uint64_t session = random.below(10'000) * 0x9e3779b97f4a7c15ULL;
        if (!sessions.find(session, kStart)) sessions.pin(session, kA, kStart);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  const StickySessions::Report report = sessions.report(kStart);
  EXPECT_EQ(report.hits + report.misses, kThreads * kSteps);
  EXPECT_LE(report.active, kMax);
  EXPECT_EQ(report.insertions, report.active + report.evictions);
}

}  // namespace
}  // namespace olla::routing
