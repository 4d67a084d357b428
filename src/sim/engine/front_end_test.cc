#include "sim/engine/front_end.h"

#include <gtest/gtest.h>

namespace olla::sim::engine {
namespace {

using std::chrono::microseconds;

TimePoint at(int us) {
  return TimePoint(microseconds(us));
}

Task task_of(std::size_t prompt, TimePoint arrived) {
  Request request;
  request.prompt = prompt_of(std::vector<std::uint32_t>(prompt, 1), 0);
  return Task(RequestId(0), std::move(request), arrived);
}

/// 100 us and 1 us per token before; 50 us, 2 us per token and 10 us per event after.
Profile::FrontEnd costs() {
  Profile::FrontEnd out;
  out.before = 100;
  out.before_per_token = 1;
  out.after = 50;
  out.after_per_token = 2;
  out.per_event = 10;
  return out;
}

TEST(FrontEndTest, HoldsARequestByTheLengthOfItsPrompt) {
  FrontEnd front(costs());
  Task longer = task_of(40, at(0));
  Task shorter = task_of(5, at(10));
  front.receive(longer);
  front.receive(shorter);
  EXPECT_EQ(front.next_ready(), at(115));
  EXPECT_EQ(front.take_ready(at(114)), nullptr);
  EXPECT_EQ(front.ready_between(at(115), at(140)), 1U);
  EXPECT_EQ(front.ready_between(at(0), at(140)), 2U);
  EXPECT_EQ(front.ready_between(at(0), at(139)), 1U);
  EXPECT_EQ(front.take_ready(at(200)), &shorter);
  EXPECT_EQ(front.take_ready(at(200)), &longer);
  EXPECT_LT(shorter.order, longer.order);
  EXPECT_EQ(front.next_ready(), std::nullopt);
}

TEST(FrontEndTest, ForgetsARequest) {
  FrontEnd front(costs());
  Task task = task_of(1, at(0));
  front.receive(task);
  front.forget(task);
  front.forget(task);
  EXPECT_EQ(front.next_ready(), std::nullopt);
}

TEST(FrontEndTest, DeliversTheFirstTokenLaterAndTheOthersNeverBeforeIt) {
  FrontEnd front(costs());
  Task task = task_of(100, at(0));
  for (const int made : {1000, 1020, 2000}) {
    task.append(7);
    front.begin_batch(at(made), 1);
    front.give(task, 7, std::nullopt);
  }
  EXPECT_EQ(task.outputs, 3U);
  EXPECT_EQ(front.next_delivery(), at(1250));
  EXPECT_FALSE(front.take_delivery(at(1249)));
  EXPECT_EQ(front.take_delivery(at(1250))->made, at(1000));
  EXPECT_EQ(front.take_delivery(at(1250))->made, at(1020));
  EXPECT_EQ(front.next_delivery(), at(2050));
  EXPECT_EQ(task.outputs, 1U);
}

TEST(FrontEndTest, FallsBehindWhenTokensComeFasterThanItSends) {
  FrontEnd front(costs());
  Task a = task_of(1, at(0));
  Task b = task_of(1, at(0));
  for (Task* task : {&a, &b}) {
    task->append(7);
    task->append(7);
  }
  const auto give = [&](int made) {
    front.begin_batch(at(made), 2);
    front.give(a, 7, std::nullopt);
    front.give(b, 7, std::nullopt);
  };
  give(1000);
  give(1015);  // It is busy until 1020 ...
  give(1100);  // ... and long free again here.
  std::vector<TimePoint> times;
  while (const auto delivery = front.take_delivery(at(9999))) {
    times.push_back(delivery->time);
  }
  EXPECT_EQ(times,
            (std::vector<TimePoint>{at(1050), at(1050), at(1070), at(1070), at(1150), at(1150)}));
}

}  // namespace
}  // namespace olla::sim::engine
