#include "fleet/health.h"

#include <gtest/gtest.h>

#include <string_view>

namespace olla::fleet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Case {
  const char* name;
  HealthRules rules;
  std::string_view results;  // p: passed, f: failed.
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
};

TEST(HealthMachineTest, FollowsTheRules) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    HealthMachine machine(c.rules);
    EXPECT_EQ(machine.state(), Health::kUnknown);
    ASSERT_EQ(c.results.size(), c.states.size());
    for (std::size_t i = 0; i < c.results.size(); ++i) {
      const Health before = machine.state();
      const bool changed = machine.on_check(c.results[i] == 'p');
      const Health expected = c.states[i] == 'H' ? Health::kHealthy : Health::kUnhealthy;
      EXPECT_EQ(machine.state(), expected) << "result " << i;
      EXPECT_EQ(changed, before != expected) << "result " << i;
    }
  }
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

}  // namespace
}  // namespace olla::fleet
