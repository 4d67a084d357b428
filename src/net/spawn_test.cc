#include "net/spawn.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "net/types.h"
#include "net/waiter.h"
#include "test/loop.h"

namespace olla::net {
namespace {

Awaitable<void> inner(Waiter& waiter, std::shared_ptr<int> held) {
  co_await waiter.wait();
  ++*held;
}

Awaitable<void> outer(Waiter& waiter, std::shared_ptr<int> held) {
  co_await inner(waiter, held);
  ++*held;
}

Awaitable<void> sleep_on(asio::io_context& io, std::shared_ptr<int> held) {
  Timer timer(io, std::chrono::hours(1));
  const auto [error] = co_await timer.async_wait(kAwait);
  *held = error ? -1 : 1;
}

Awaitable<void> cancelled(asio::io_context& io, error_code& told) {
  Timer timer(io, std::chrono::hours(1));
  asio::post(io, [&timer] { timer.cancel(); });
  const auto [error] = co_await timer.async_wait(kAwait);
  told = error;
}

Awaitable<void> failing() {
  throw std::runtime_error("as told");
  co_return;
}

TEST(SpawnTest, EndsWithinTheCallWhenNothingHasToBeWaitedFor) {
  test::Loop loop;
  int ends = 0;
  const auto nothing = []() -> Awaitable<void> { co_return; };
  asio::post(loop.io(), [&] {
    spawn(loop.io(), nothing(), [&ends](const std::exception_ptr&) { ++ends; });
    EXPECT_EQ(ends, 1);
  });
  loop.run_ready();
  EXPECT_EQ(ends, 1);
}

TEST(SpawnTest, FromElsewhereItBeginsOnTheLoop) {
  test::Loop loop;
  Waiter waiter;
  const auto held = std::make_shared<int>(0);
  bool ended = false;
  spawn(loop.io(), outer(waiter, held), [&ended](const std::exception_ptr&) { ended = true; });
  EXPECT_FALSE(waiter.waiting());
  loop.run_ready();
  ASSERT_TRUE(waiter.waiting());
  waiter.wake();
  EXPECT_TRUE(ended);
  EXPECT_EQ(*held, 2);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(SpawnTest, TellsOfTheExceptionThatEndedIt) {
  test::Loop loop;
  std::exception_ptr told;
  spawn(loop.io(), failing(), [&told](const std::exception_ptr& failure) { told = failure; });
  loop.run_ready();
  ASSERT_TRUE(told);
  EXPECT_THROW(std::rethrow_exception(told), std::runtime_error);
}

TEST(SpawnTest, TheLoopRunsForAsLongAsACoroutineWaits) {
  test::Loop loop;
  Waiter waiter;
  spawn(loop.io(), outer(waiter, std::make_shared<int>(0)), [](const std::exception_ptr&) {});
  loop.run_ready();
  EXPECT_FALSE(loop.io().stopped());
  waiter.wake();
  loop.run_ready();
  EXPECT_TRUE(loop.io().stopped());
}

TEST(SpawnTest, GivesWhatAnOperationOfAsioTells) {
  test::Loop loop;
  error_code told;
  test::run(loop, cancelled(loop.io(), told));
  EXPECT_EQ(told, asio::error::operation_aborted);
}

TEST(SpawnTest, ALoopThatEndsDestroysWhatWaits) {
  const auto held = std::make_shared<int>(0);
  bool ended = false;
  {
    test::Loop loop;
    spawn(loop.io(), sleep_on(loop.io(), held),
          [&ended](const std::exception_ptr&) { ended = true; });
    loop.run_ready();
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(*held, 0);
  EXPECT_FALSE(ended);
}

TEST(SpawnTest, OneThatNeverBeganIsDestroyedWithTheLoop) {
  const auto held = std::make_shared<int>(0);
  Waiter waiter;
  {
    test::Loop loop;
    spawn(loop.io(), outer(waiter, held), [](const std::exception_ptr&) {});
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(SpawnTest, AWaiterThatIsAbandonedDestroysTheWholeChain) {
  test::Loop loop;
  Waiter waiter;
  const auto held = std::make_shared<int>(0);
  bool ended = false;
  spawn(loop.io(), outer(waiter, held), [&ended](const std::exception_ptr&) { ended = true; });
  loop.run_ready();
  EXPECT_GT(held.use_count(), 2);
  waiter.abandon();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(ended);
}

}  // namespace
}  // namespace olla::net
