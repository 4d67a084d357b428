#include "net/deadlines.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "test/loop.h"

namespace olla::net {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class Noted : public Deadline {
 public:
  using Deadline::Deadline;
  int passed = 0;
  std::function<void()> then;

 private:
  void on_deadline() override {
    ++passed;
    const auto call = then;  // It may destroy this object.
    if (call) call();
  }
};

struct DeadlinesTest : testing::Test {
  test::Loop loop;
  Deadlines deadlines{loop.io()};
};

TEST_F(DeadlinesTest, PassesOnceAndNotBeforeItsTime) {
  Noted deadline(deadlines);
  const TimePoint when = Clock::now() + milliseconds(5);
  deadline.expire_at(when);
  loop.run_until([&] { return deadline.passed > 0; });
  EXPECT_GE(Clock::now(), when);
  loop.run_out();
  EXPECT_EQ(deadline.passed, 1);
}

TEST_F(DeadlinesTest, OneInThePastPassesAtTheNextTurn) {
  Noted deadline(deadlines);
  deadline.expire_after(milliseconds(-1));
  EXPECT_EQ(deadline.passed, 0) << "never inside the call that sets it";
  loop.run_until([&] { return deadline.passed > 0; });
  EXPECT_EQ(deadline.passed, 1);
}

TEST_F(DeadlinesTest, AnEarlierOneDoesNotWaitForALaterOne) {
  Noted late(deadlines);
  Noted early(deadlines);
  late.expire_after(hours(1));
  early.expire_after(milliseconds(1));
  loop.run_until([&] { return early.passed > 0; });
  EXPECT_EQ(late.passed, 0);
  late.expire_after(milliseconds(1));
  loop.run_until([&] { return late.passed > 0; });
}

TEST_F(DeadlinesTest, OneThatIsTakenBackDoesNotPass) {
  Noted taken_back(deadlines);
  Noted other(deadlines);
  taken_back.expire_after(milliseconds(1));
  other.expire_after(milliseconds(2));
  taken_back.expire_never();
  loop.run_until([&] { return other.passed > 0; });
  loop.run_out();
  EXPECT_EQ(taken_back.passed, 0);
}

TEST_F(DeadlinesTest, OneThatIsPutOffPassesAtTheLaterTimeOnly) {
  Noted deadline(deadlines);
  deadline.expire_after(milliseconds(1));
  const TimePoint when = Clock::now() + milliseconds(30);
  deadline.expire_at(when);
  loop.run_until([&] { return deadline.passed > 0; });
  EXPECT_GE(Clock::now(), when);
}

TEST_F(DeadlinesTest, AHugeDurationIsNotInThePast) {
  Noted deadline(deadlines);
  deadline.expire_after(Duration::max());
  loop.run_out();
  EXPECT_EQ(deadline.passed, 0);
}

TEST_F(DeadlinesTest, OneMayDestroyItselfAndOthersWhenItPasses) {
  auto first = std::make_unique<Noted>(deadlines);
  auto second = std::make_unique<Noted>(deadlines);
  auto third = std::make_unique<Noted>(deadlines);
  Noted last(deadlines);
  const TimePoint now = Clock::now();
  for (Noted* one : {first.get(), second.get(), third.get(), &last})
    one->expire_at(now);
  second->then = [&] {
    first.reset();
    second.reset();
    third.reset();
  };
  loop.run_until([&] { return last.passed > 0; });
  EXPECT_EQ(second, nullptr);
  EXPECT_EQ(last.passed, 1);
}

TEST_F(DeadlinesTest, OneMaySetItselfAgainWhenItPasses) {
  Noted deadline(deadlines);
  deadline.then = [&] {
    if (deadline.passed < 3) deadline.expire_after(milliseconds(1));
  };
  deadline.expire_after(milliseconds(1));
  loop.run_out();
  EXPECT_EQ(deadline.passed, 3);
}

TEST_F(DeadlinesTest, ExpireAllLetsEverySetOnePassAndLeavesNoTimer) {
  Noted set(deadlines);
  Noted also_set(deadlines);
  set.expire_after(hours(1));
  also_set.expire_after(hours(2));
  deadlines.expire_all();
  EXPECT_EQ(set.passed, 1);
  EXPECT_EQ(also_set.passed, 1);
  loop.run_out();
  set.expire_after(hours(1));
  loop.run_out();  // A timer would keep it busy.
}

}  // namespace
}  // namespace olla::net
