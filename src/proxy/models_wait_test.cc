#include "proxy/models_wait.h"

#include <gtest/gtest.h>

#include "test/gateway.h"
#include "test/loop.h"

namespace olla::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct ModelsWaitTest : testing::Test {
  test::Loop loop;
  test::Gateway gateway{loop, test::config_for({1})};

  void SetUp() override { gateway.holds_refreshes = true; }
};

TEST_F(ModelsWaitTest, EndsWhenTheListsWereRead) {
  ModelsWait wait(gateway.services);
  test::Started<ModelsWait::End> running(loop, wait.run(seconds(30)));
  loop.run_ready();
  ASSERT_EQ(gateway.refreshes.size(), 1u);
  EXPECT_FALSE(running.done());
  gateway.refreshes[0]({{EndpointId(0), ListReading::Outcome::kRead}});
  EXPECT_EQ(running.get(), ModelsWait::End::kRead);
}

TEST_F(ModelsWaitTest, TellsWhenNothingWasReadForIt) {
  ModelsWait wait(gateway.services);
  test::Started<ModelsWait::End> running(loop, wait.run(seconds(30)));
  loop.run_ready();
  gateway.refreshes[0]({{EndpointId(0), ListReading::Outcome::kUnfinished}});
  EXPECT_EQ(running.get(), ModelsWait::End::kAsIs);
}

TEST_F(ModelsWaitTest, EndsWhenItTakesTooLong) {
  ModelsWait wait(gateway.services);
  test::Started<ModelsWait::End> running(loop, wait.run(milliseconds(1)));
  EXPECT_EQ(running.get(), ModelsWait::End::kEarly);
  gateway.refreshes[0]({});  // Too late: nothing happens.
  loop.run_ready();
}

TEST_F(ModelsWaitTest, EndsWhenTheClientLeavesAndWhoReadsNeedNotKnow) {
  auto wait = std::make_unique<ModelsWait>(gateway.services);
  {
    test::Started<ModelsWait::End> running(loop, wait->run(seconds(30)));
    loop.run_ready();
    wait->end();
    EXPECT_FALSE(running.done()) << "not within the call";
    EXPECT_EQ(running.get(), ModelsWait::End::kEarly);
  }
  wait.reset();
  gateway.refreshes[0]({});
  loop.run_ready();
}

TEST_F(ModelsWaitTest, DoesNotHoldUpTheEndOfTheThread) {
  gateway.services.deadlines.expire_all();
  ModelsWait wait(gateway.services);
  test::Started<ModelsWait::End> running(loop, wait.run(seconds(30)));
  EXPECT_EQ(running.get(), ModelsWait::End::kEarly);
}

}  // namespace
}  // namespace olla::proxy
