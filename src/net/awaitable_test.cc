#include "net/awaitable.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "net/waiter.h"
#include "test/loop.h"

namespace olla::net {
namespace {

Awaitable<int> number(int value) {
  co_return value;
}

Awaitable<int> number_after(Waiter& waiter, int value) {
  co_await waiter.wait();
  co_return value;
}

Awaitable<int> sum_of_ready(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i)
    sum += co_await number(1);
  co_return sum;
}

Awaitable<int> sum_of_slow(Waiter& waiter, int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) {
    const int slow = co_await number_after(waiter, 1);
    const int ready = co_await number(1);
    sum += slow + ready;
  }
  co_return sum;
}

Awaitable<int> nested(Waiter& waiter, int depth) {
  if (depth == 0) co_return co_await number_after(waiter, 0);
  const int below = co_await nested(waiter, depth - 1);
  co_return below + 1;
}

Awaitable<int> failing(Waiter* waiter) {
  if (waiter != nullptr) co_await waiter->wait();
  throw std::runtime_error("as told");
}

Awaitable<std::string> caught(Waiter* waiter) {
  std::string text;
  try {
    static_cast<void>(co_await failing(waiter));
  } catch (const std::runtime_error& error) {
    text = error.what();
  }
  co_return text;
}

Awaitable<std::unique_ptr<int>> holding(Waiter& waiter, std::shared_ptr<int> held) {
  co_await waiter.wait();
  co_return std::make_unique<int>(*held);
}

TEST(AwaitableTest, DoesNotBeginBeforeItIsAwaited) {
  bool began = false;
  const auto begin = [](bool& told) -> Awaitable<int> {
    told = true;
    co_return 1;
  };
  const Awaitable<int> work = begin(began);
  EXPECT_FALSE(began);
}

TEST(AwaitableTest, ManyThatNeedNotWaitTakeNoStack) {
  test::Loop loop;
  EXPECT_EQ(test::run(loop, sum_of_ready(300'000)), 300'000);
}

TEST(AwaitableTest, GoesOnWithItsCallerWhenItHadToWait) {
  test::Loop loop;
  Waiter waiter;
  constexpr int kCount = 50'000;
  test::Started<int> started(loop, sum_of_slow(waiter, kCount));
  loop.run_ready();
  for (int i = 0; i < kCount; ++i) {
    ASSERT_TRUE(waiter.waiting());
    waiter.wake();
  }
  EXPECT_EQ(started.get(), 2 * kCount);
}

TEST(AwaitableTest, HandsAResultThroughManyCallers) {
  test::Loop loop;
  Waiter waiter;
  test::Started<int> started(loop, nested(waiter, 100));
  loop.run_ready();
  EXPECT_FALSE(started.done());
  waiter.wake();
  EXPECT_EQ(started.get(), 100);
}

TEST(AwaitableTest, AnExceptionReachesTheCaller) {
  test::Loop loop;
  EXPECT_EQ(test::run(loop, caught(nullptr)), "as told");
  Waiter waiter;
  test::Started<std::string> started(loop, caught(&waiter));
  loop.run_ready();
  waiter.wake();
  EXPECT_EQ(started.get(), "as told");
}

TEST(AwaitableTest, ReturnsWhatCanOnlyBeMoved) {
  test::Loop loop;
  Waiter waiter;
  test::Started<std::unique_ptr<int>> started(loop, holding(waiter, std::make_shared<int>(7)));
  loop.run_ready();
  waiter.wake();
  EXPECT_EQ(*started.get(), 7);
}

TEST(AwaitableTest, OneThatNeverBeganGivesBackItsArguments) {
  const auto held = std::make_shared<int>(1);
  Waiter waiter;
  {
    const Awaitable<std::unique_ptr<int>> work = holding(waiter, held);
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace olla::net
