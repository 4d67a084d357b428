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
  test::Started<bool> running(loop, wait.run(seconds(30)));
  loop.run_ready();
  ASSERT_EQ(gateway.refreshes.size(), 1u);
  EXPECT_FALSE(running.done());
  gateway.refreshes[0]({});
  EXPECT_TRUE(running.get());
}

TEST_F(ModelsWaitTest, EndsWhenItTakesTooLong) {
  ModelsWait wait(gateway.services);
  test::Started<bool> running(loop, wait.run(milliseconds(1)));
  EXPECT_FALSE(running.get());
  gateway.refreshes[0]({});  // Too late: nothing happens.
  loop.run_ready();
}

TEST_F(ModelsWaitTest, EndsWhenTheClientLeavesAndWhoReadsNeedNotKnow) {
  auto wait = std::make_unique<ModelsWait>(gateway.services);
  {
    test::Started<bool> running(loop, wait->run(seconds(30)));
    loop.run_ready();
    wait->end();
    EXPECT_FALSE(running.done()) << "not within the call";
    EXPECT_FALSE(running.get());
  }
  wait.reset();
  gateway.refreshes[0]({});
  loop.run_ready();
}

TEST_F(ModelsWaitTest, DoesNotHoldUpTheEndOfTheThread) {
  gateway.services.deadlines.expire_all();
  ModelsWait wait(gateway.services);
  test::Started<bool> running(loop, wait.run(seconds(30)));
  EXPECT_FALSE(running.get());
}

}  // namespace
}  // namespace olla::proxy
