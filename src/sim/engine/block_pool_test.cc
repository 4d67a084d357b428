#include "sim/engine/block_pool.h"

#include <gtest/gtest.h>

namespace olla::sim::engine {
namespace {

TEST(BlockPoolTest, TakesTheBlockThatIsFreeLongest) {
  BlockPool pool(3);
  EXPECT_EQ(pool.free(), 3U);
  EXPECT_EQ(pool.take(), 0U);
  EXPECT_EQ(pool.take(), 1U);
  pool.release(1);
  pool.release(0);
  EXPECT_EQ(pool.free(), 3U);
  EXPECT_EQ(pool.take(), 2U);
  EXPECT_EQ(pool.take(), 1U);
  EXPECT_EQ(pool.take(), 0U);
  EXPECT_EQ(pool.free(), 0U);
}

TEST(BlockPoolTest, FreesABlockWithItsLastUser) {
  BlockPool pool(2);
  const BlockId block = pool.take();
  pool.use(block);
  pool.release(block);
  EXPECT_FALSE(pool.is_free(block));
  EXPECT_EQ(pool.free(), 1U);
  pool.release(block);
  EXPECT_TRUE(pool.is_free(block));
  EXPECT_EQ(pool.free(), 2U);
}

TEST(BlockPoolTest, UsesAFreeBlockAgainFromTheMiddleOfTheQueue) {
  BlockPool pool(3);
  pool.use(1);
  EXPECT_EQ(pool.users(1), 1U);
  EXPECT_EQ(pool.take(), 0U);
  EXPECT_EQ(pool.take(), 2U);
  EXPECT_EQ(pool.free(), 0U);
}

}  // namespace
}  // namespace olla::sim::engine
