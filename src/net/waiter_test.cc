#include "net/waiter.h"

#include <gtest/gtest.h>

#include <memory>

#include "test/loop.h"

namespace olla::net {
namespace {

Awaitable<void> wait_twice(Waiter& waiter, int& passed) {
  co_await waiter.wait();
  ++passed;
  co_await waiter.wait();
  ++passed;
}

Awaitable<void> wait_holding(Waiter& waiter, std::shared_ptr<int> held) {
  co_await waiter.wait();
  ++*held;
}

TEST(WaiterTest, WakesTheCoroutineInsideTheCall) {
  test::Loop loop;
  Waiter waiter;
  int passed = 0;
  test::Started<void> started(loop, wait_twice(waiter, passed));
  loop.run_ready();
  ASSERT_TRUE(waiter.waiting());
  waiter.wake();
  EXPECT_EQ(passed, 1);
  EXPECT_TRUE(waiter.waiting()) << "the coroutine waits again";
  waiter.wake();
  EXPECT_EQ(passed, 2);
  EXPECT_FALSE(waiter.waiting());
  started.get();
}

TEST(WaiterTest, AWakeWithNobodyWaitingIsNotRemembered) {
  test::Loop loop;
  Waiter waiter;
  waiter.wake();
  int passed = 0;
  test::Started<void> started(loop, wait_twice(waiter, passed));
  loop.run_ready();
  EXPECT_EQ(passed, 0);
  waiter.wake();
  waiter.wake();
  started.get();
}

TEST(WaiterTest, DestroysACoroutineThatIsNeverWoken) {
  test::Loop loop;
  const auto held = std::make_shared<int>(0);
  auto waiter = std::make_unique<Waiter>();
  test::Started<void> started(loop, wait_holding(*waiter, held));
  loop.run_ready();
  EXPECT_EQ(held.use_count(), 2);
  waiter.reset();
  loop.run_ready();
  EXPECT_EQ(held.use_count(), 1) << "what the coroutine held is released";
  EXPECT_EQ(*held, 0);
  EXPECT_FALSE(started.done());
}

}  // namespace
}  // namespace olla::net
