#include "proxy/slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <vector>

#include "net/spawn.h"
#include "test/loop.h"

namespace olla::proxy {
namespace {

using testing::ElementsAre;

struct SlotsTest : testing::Test {
  SlotsTest() {
    for (int i = 0; i < 3; ++i)
      tickets.push_back(std::make_unique<Slots::Ticket>(loop.io()));
  }
  ~SlotsTest() override {
    slots.stop();
    loop.run_ready();
  }

  static net::Awaitable<void> take_one(SlotsTest* test, std::size_t i) {
    co_await test->slots.take(*test->tickets[i]);
    test->in.push_back(i);
  }
  void take(std::size_t i) {
    net::spawn(loop.io(), take_one(this, i), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
    loop.run_ready();
  }

  test::Loop loop;
  std::vector<std::unique_ptr<Slots::Ticket>> tickets;
  Slots slots{1};
  std::vector<std::size_t> in;
};

TEST_F(SlotsTest, LetsThemInOneAfterTheOtherInTheirOrder) {
  take(0);
  take(1);
  take(2);
  EXPECT_THAT(in, ElementsAre(0));
  slots.release(*tickets[0]);
  loop.run_ready();
  EXPECT_THAT(in, ElementsAre(0, 1));
  slots.release(*tickets[0]);  // It has none any more.
  loop.run_ready();
  EXPECT_THAT(in, ElementsAre(0, 1));
  slots.release(*tickets[1]);
  loop.run_ready();
  EXPECT_THAT(in, ElementsAre(0, 1, 2));
  slots.release(*tickets[2]);
  take(0);
  EXPECT_THAT(in, ElementsAre(0, 1, 2, 0));
}

TEST_F(SlotsTest, OneThatHangsGivesItsSlotUp) {
  take(0);
  take(1);
  const TimePoint began = Clock::now();
  loop.run_until([&] { return in.size() == 2; });
  EXPECT_GE(Clock::now() - began, Slots::kHoldMax / 2);
  slots.release(*tickets[0]);
  take(2);
  EXPECT_EQ(in.size(), 2U) << "that of the first was given up already";
}

TEST_F(SlotsTest, AStopLetsEverybodyThrough) {
  take(0);
  take(1);
  slots.stop();
  loop.run_ready();
  take(2);
  EXPECT_THAT(in, ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace olla::proxy
