#include "fleet/health.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace olla::fleet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Case {
  const char* name;
  config::HealthRules rules;
  std::string_view results;  // p: passed, f: failed, b: busy, a: 401, r: 429.
  std::string_view states;   // After each result. H: healthy, U: unhealthy.
};

constexpr Case kCases[] = {
    {"the first pass decides", {}, "p", "H"},
    {"the first failure decides", {}, "f", "U"},
    {"goes down after two failures in a row", {}, "pff", "HHU"},
    {"a pass between starts the count anew", {}, "pfpfpff", "HHHHHHU"},
    {"comes back after one pass", {}, "pffp", "HHUH"},
    {"stays down", {}, "fff", "UUU"},
    {"one failure suffices when told so", {.unhealthy_after = 1}, "pfp", "HUH"},
    {"comes back after three passes when told so", {.healthy_after = 3}, "fppfppp", "UUUUUUH"},
    {"the first pass decides whatever the rules",
     {.unhealthy_after = 5, .healthy_after = 5},
     "p",
     "H"},
    {"the first failure decides whatever the rules",
     {.unhealthy_after = 5, .healthy_after = 5},
     "f",
     "U"},
    {"a slow answer passes", {}, "bffb", "HHUH"},
    {"one 401 is one failure", {}, "papaa", "HHHHU"},
    {"429 decides at once", {.unhealthy_after = 5}, "prp", "HUH"},
};

Verdict verdict(char letter) {
  switch (letter) {
    case 'p':
      return Verdict::kPassed;
    case 'b':
      return Verdict::kBusy;
    case 'a':
      return Verdict::kConfigError;
    case 'r':
      return Verdict::kRateLimited;
    default:
      return Verdict::kOffline;
  }
}

TEST(HealthMachineTest, FollowsTheRules) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    HealthMachine machine(c.rules);
    EXPECT_EQ(machine.state(), Health::kUnknown);
    ASSERT_EQ(c.results.size(), c.states.size());
    for (std::size_t i = 0; i < c.results.size(); ++i) {
      const Health before = machine.state();
      const bool changed = machine.on_check(verdict(c.results[i]));
      const Health expected = c.states[i] == 'H' ? Health::kHealthy : Health::kUnhealthy;
      EXPECT_EQ(machine.state(), expected) << "result " << i;
      EXPECT_EQ(changed, before != expected) << "result " << i;
    }
  }
}

TEST(HealthMachineTest, CountsFailuresInARow) {
  HealthMachine machine;
  for (int i = 1; i <= 5; ++i) {
    machine.on_check(Verdict::kOffline);
    EXPECT_EQ(machine.failures_in_a_row(), static_cast<std::uint32_t>(i));
  }
  machine.on_check(Verdict::kPassed);
  EXPECT_EQ(machine.failures_in_a_row(), 0u);
}

TEST(VerdictTest, ReadsTheStatus) {
  const Duration soon = seconds(1);
  EXPECT_EQ(verdict_of(200, soon), Verdict::kPassed);
  EXPECT_EQ(verdict_of(299, kBusyAfter), Verdict::kPassed);
  EXPECT_EQ(verdict_of(204, kBusyAfter + milliseconds(1)), Verdict::kBusy);
  EXPECT_EQ(verdict_of(401, soon), Verdict::kConfigError);
  EXPECT_EQ(verdict_of(403, soon), Verdict::kConfigError);
  EXPECT_EQ(verdict_of(429, soon), Verdict::kRateLimited);
  EXPECT_EQ(verdict_of(301, soon), Verdict::kUnhealthy);
  EXPECT_EQ(verdict_of(404, soon), Verdict::kUnhealthy);
  EXPECT_EQ(verdict_of(503, soon), Verdict::kUnhealthy);
}

constexpr TimePoint kStart{seconds(1000)};

TimePoint at(int milliseconds_after_start) {
  return kStart + milliseconds(milliseconds_after_start);
}

TEST(CheckScheduleTest, KeepsTheGridHoweverLongChecksTake) {
  CheckSchedule schedule(seconds(5), kStart);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(schedule.due(), at(i * 5000));
    schedule.started(at(i * 5000 + i % 7));  // A timer is always a little late.
    EXPECT_EQ(schedule.due(), std::nullopt);
    schedule.finished();
  }
}

TEST(CheckScheduleTest, ACheckThatTookTooLongIsFollowedAtOnceByOneCheck) {
  CheckSchedule schedule(seconds(5), kStart);
  schedule.started(at(0));
  schedule.finished();
  schedule.started(at(5000));
  // It ends at 17 s: the points at 10 s and 15 s have passed.
  schedule.finished();
  ASSERT_TRUE(schedule.due().has_value());
  EXPECT_LE(*schedule.due(), at(17000));
  schedule.started(at(17000));
  schedule.finished();
  EXPECT_EQ(schedule.due(), at(20000));
}

TEST(CheckScheduleTest, ARequestedCheckComesAtOnceAndLeavesTheGridAlone) {
  CheckSchedule schedule(seconds(5), kStart);
  schedule.started(at(0));
  schedule.finished();
  schedule.request_now(at(1200));
  EXPECT_EQ(schedule.due(), at(1200));
  schedule.started(at(1200));
  schedule.finished();
  EXPECT_EQ(schedule.due(), at(5000));
}

TEST(CheckScheduleTest, RequestedChecksKeepADistance) {
  CheckSchedule schedule(seconds(5), kStart);
  schedule.started(at(0));
  schedule.finished();
  schedule.request_now(at(10));
  schedule.request_now(at(20));
  EXPECT_EQ(schedule.due(), at(100));
  schedule.started(at(100));
  schedule.finished();
  schedule.request_now(at(150));
  EXPECT_EQ(schedule.due(), at(200));
}

TEST(CheckScheduleTest, ARequestDuringACheckIsKeptForAfterIt) {
  CheckSchedule schedule(seconds(5), kStart);
  schedule.started(at(0));
  schedule.request_now(at(30));
  EXPECT_EQ(schedule.due(), std::nullopt);
  schedule.finished();
  EXPECT_EQ(schedule.due(), at(100));
}

TEST(CheckScheduleTest, ARequestNeverDelaysTheGrid) {
  CheckSchedule schedule(milliseconds(50), kStart);
  schedule.started(at(0));
  schedule.finished();
  schedule.request_now(at(10));
  EXPECT_EQ(schedule.due(), at(50));
  schedule.started(at(50));
  schedule.finished();
  EXPECT_EQ(schedule.due(), at(100));  // The request is done with.
}

TEST(CheckScheduleTest, TheFirstCheckCanBeRequestedBeforeItsTime) {
  CheckSchedule schedule(seconds(5), at(3000));
  EXPECT_EQ(schedule.due(), at(3000));
  schedule.request_now(at(1000));
  EXPECT_EQ(schedule.due(), at(1000));
}

TEST(CheckScheduleTest, NoCheckBeginsDuringAPause) {
  CheckSchedule schedule(seconds(5), kStart);
  schedule.started(at(0));
  schedule.pause(at(12'000));
  schedule.finished();
  EXPECT_EQ(schedule.due(), at(12'000));
  schedule.request_now(at(1000));
  EXPECT_EQ(schedule.due(), at(12'000));
  schedule.started(at(12'000));
  schedule.finished();
  EXPECT_EQ(schedule.due(), at(15'000));
}

TEST(CheckScheduleTest, JitterShortensStepsByATenthAtMost) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    CheckSchedule schedule(seconds(5), kStart, Random(seed));
    TimePoint last = *schedule.due();
    EXPECT_EQ(last, kStart);
    Duration shortest = seconds(5);
    Duration longest{};
    for (int i = 0; i < 100; ++i) {
      schedule.started(last);
      schedule.finished();
      const Duration step = *schedule.due() - last;
      shortest = std::min(shortest, step);
      longest = std::max(longest, step);
      last = *schedule.due();
    }
    EXPECT_GE(shortest, milliseconds(4500));
    EXPECT_LE(longest, seconds(5));
    EXPECT_LT(shortest, milliseconds(4600));
    EXPECT_GT(longest, milliseconds(4900));
  }
}

TEST(CheckScheduleTest, ChecksThatBeginTogetherSpread) {
  std::vector<Duration> phases;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CheckSchedule schedule(seconds(5), kStart, Random(seed));
    for (int i = 0; i < 100; ++i) {
      schedule.started(*schedule.due());
      schedule.finished();
    }
    phases.push_back((*schedule.due() - kStart) % seconds(5));
  }
  std::sort(phases.begin(), phases.end());
  Duration widest = phases.front() + seconds(5) - phases.back();
  for (std::size_t i = 1; i < phases.size(); ++i)
    widest = std::max(widest, phases[i] - phases[i - 1]);
  EXPECT_LT(widest, seconds(3));
}

/// A server that is checked as the prober does it: a check of one that is up is answered soon, one
/// of a server that is down is refused or, when it `hangs`, runs into the limit.
class CheckedServer {
 public:
  static constexpr Duration kInterval = seconds(5);
  static constexpr Duration kTimeout = seconds(2);

  CheckedServer(std::uint64_t seed, const config::HealthRules& rules)
      : random_(seed), machine_(rules), schedule_(kInterval, kStart, Random(seed + 1)) {}

  /// Goes on with checks until the state is `health`, and tells when it was.
  TimePoint run_until(Health health) {
    while (machine_.state() != health)
      check();
    return now_;
  }
  void check() {
    now_ = std::max(now_, *schedule_.due());
    schedule_.started(now_);
    // The server may change in mid-check: then the answer is that of its old state or of the new.
    const bool up = now_ >= up_from_ && now_ < up_to_;
    now_ += up ? random_below(milliseconds(50)) : hangs_ ? kTimeout : random_below(milliseconds(5));
    machine_.on_check(up ? Verdict::kPassed : Verdict::kOffline);
    schedule_.finished();
  }
  /// It goes down at a random moment of the next interval, and is down until come_back().
  TimePoint go_down() {
    hangs_ = random_.below(2) == 0;
    up_to_ = now_ + random_below(kInterval);
    return up_to_;
  }
  TimePoint come_back() {
    up_from_ = now_ + random_below(3 * kInterval);
    up_to_ = TimePoint::max();
    return up_from_;
  }

 private:
  Duration random_below(Duration bound) {
    return Duration(
        static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(bound.count()))));
  }

  Random random_;
  HealthMachine machine_;
  CheckSchedule schedule_;
  TimePoint now_ = kStart;
  TimePoint up_from_{};
  TimePoint up_to_ = TimePoint::max();
  bool hangs_ = false;
};

TEST(HealthPromiseTest, OllaW13OutWithinTwoIntervalsAndBackWithinOneWhateverTheMoment) {
  Duration latest_out{};
  Duration latest_back{};
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    CheckedServer server(seed, {});
    server.run_until(Health::kHealthy);
    for (int round = 0; round < 5; ++round) {
      const TimePoint down = server.go_down();
      const Duration out = server.run_until(Health::kUnhealthy) - down;
      ASSERT_LE(out, 2 * CheckedServer::kInterval + CheckedServer::kTimeout);
      const TimePoint up = server.come_back();
      const Duration back = server.run_until(Health::kHealthy) - up;
      ASSERT_LE(back, CheckedServer::kInterval + milliseconds(50));  // And the check's own time.
      latest_out = std::max(latest_out, out);
      latest_back = std::max(latest_back, back);
    }
  }
  // The test searches to the edge of what is promised.
  EXPECT_GT(latest_out, 2 * CheckedServer::kInterval + milliseconds(1500));
  EXPECT_GT(latest_back, milliseconds(4900));
}

TEST(HealthPromiseTest, OllaW14OneFailedCheckTakesNobodyOut) {
  HealthMachine machine;
  machine.on_check(Verdict::kPassed);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(machine.on_check(Verdict::kOffline));
    EXPECT_FALSE(machine.on_check(Verdict::kPassed));
  }
  EXPECT_EQ(machine.state(), Health::kHealthy);
}

}  // namespace
}  // namespace olla::fleet
