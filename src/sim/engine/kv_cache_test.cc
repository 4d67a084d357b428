#include "sim/engine/kv_cache.h"

#include <gtest/gtest.h>

#include <numeric>

namespace olla::sim::engine {
namespace {

/// The tokens `first`, `first` + 1, ...
Prompt prompt(std::uint32_t first, std::size_t tokens, std::uint64_t salt = 0) {
  std::vector<std::uint32_t> all(tokens);
  std::iota(all.begin(), all.end(), first);
  return prompt_of(all, salt);
}

TEST(BlockHashTest, NamesABlockWithAllThatGoesBeforeIt) {
  const Prompt whole = prompt(1, 40);
  EXPECT_EQ(whole.hashes.size(), 2U);
  EXPECT_EQ(whole.rest, (std::vector<std::uint32_t>{33, 34, 35, 36, 37, 38, 39, 40}));
  EXPECT_EQ(whole.last, whole.hashes.back());
  EXPECT_EQ(prompt(1, 16).hashes.front(), whole.hashes.front());
  // The second block's tokens alone, and the same tokens of another adapter.
  EXPECT_NE(prompt(17, 16).hashes.front(), whole.hashes.back());
  EXPECT_NE(prompt(1, 16, 7).hashes.front(), whole.hashes.front());
}

TEST(PrefixCacheTest, KeepsTheOtherBlockWithTheSameContents) {
  PrefixCache cache(4);
  cache.add(99, 1);
  cache.add(99, 3);
  cache.add(99, 2);
  EXPECT_EQ(cache.find(99), 1U);
  cache.remove(1);
  EXPECT_EQ(cache.find(99), 3U);
  cache.remove(2);
  cache.remove(3);
  cache.remove(3);
  EXPECT_EQ(cache.find(99), std::nullopt);
  EXPECT_EQ(cache.size(), 0U);
}

class KvCacheTest : public testing::Test {
 protected:
  /// A request comes, is computed and goes; returns how many of its blocks were found.
  std::size_t serve(const Prompt& prompt) {
    Holding holding;
    const auto matched = cache.match(prompt.hashes, prompt.hashes.size());
    const std::size_t found = matched.size();
    cache.share(holding, matched);
    EXPECT_TRUE(cache.grow(holding, prompt.tokens));
    cache.name(holding, prompt.hashes, prompt.hashes.size());
    cache.release(holding);
    return found;
  }

  KvCache cache{4, true};
};

TEST_F(KvCacheTest, FindsTheBeginningThatIsThere) {
  EXPECT_EQ(serve(prompt(1, 48)), 0U);
  EXPECT_EQ(serve(prompt(1, 48)), 3U);
  EXPECT_EQ(serve(prompt(1, 20)), 1U);
  EXPECT_EQ(serve(prompt(2, 48)), 0U);
  EXPECT_EQ(cache.match(prompt(2, 48).hashes, 2).size(), 2U);
}

// Four blocks. After the first prompt the queue is: the one never used, then its third, second and
// first block.
TEST_F(KvCacheTest, ForgetsTheEndOfATextFirst) {
  serve(prompt(1, 48));
  serve(prompt(100, 32));  // takes the unused block and the third
  EXPECT_EQ(cache.match(prompt(1, 48).hashes, 3).size(), 2U);
  serve(prompt(200, 16));  // takes the second
  EXPECT_EQ(cache.match(prompt(1, 48).hashes, 3).size(), 1U);
  EXPECT_EQ(cache.match(prompt(100, 32).hashes, 2).size(), 2U);
}

TEST_F(KvCacheTest, KeepsLongerWhatWasUsedAgain) {
  serve(prompt(1, 16));
  serve(prompt(2, 16));
  serve(prompt(1, 16));
  serve(prompt(3, 48));  // two unused blocks, and then the one that is free longest
  EXPECT_EQ(cache.match(prompt(1, 16).hashes, 1).size(), 1U);
  EXPECT_EQ(cache.match(prompt(2, 16).hashes, 1).size(), 0U);
}

TEST_F(KvCacheTest, SharesBlocksThatAreInUse) {
  const Prompt same = prompt(1, 32);
  Holding a;
  ASSERT_TRUE(cache.grow(a, 32));
  cache.name(a, same.hashes, 2);
  Holding b;
  const auto matched = cache.match(same.hashes, 2);
  // Both are in use, so that only blocks beyond them have to be free.
  EXPECT_TRUE(cache.fits(4, matched));
  EXPECT_FALSE(cache.fits(5, matched));
  cache.share(b, matched);
  EXPECT_EQ(b.blocks, a.blocks);
  EXPECT_EQ(cache.free(), 2U);
  cache.release(a);
  EXPECT_EQ(cache.free(), 2U);
  cache.release(b);
  EXPECT_EQ(cache.free(), 4U);
}

TEST_F(KvCacheTest, CountsFreeBlocksThatMatchAsTakenToo) {
  serve(prompt(1, 32));
  const auto matched = cache.match(prompt(1, 32).hashes, 2);
  EXPECT_TRUE(cache.fits(4, matched));
  EXPECT_FALSE(cache.fits(5, matched));
}

TEST_F(KvCacheTest, ChangesNothingWhenTooFewAreFree) {
  Holding a;
  ASSERT_TRUE(cache.grow(a, 33));
  Holding b;
  EXPECT_FALSE(cache.grow(b, 17));
  EXPECT_TRUE(b.blocks.empty());
  EXPECT_TRUE(cache.grow(b, 16));
  EXPECT_TRUE(cache.grow(a, 48));
  EXPECT_FALSE(cache.grow(a, 49));
}

TEST_F(KvCacheTest, ForgetsAllWhenNothingIsInUse) {
  serve(prompt(1, 32));
  Holding a;
  ASSERT_TRUE(cache.grow(a, 1));
  EXPECT_FALSE(cache.reset());
  EXPECT_EQ(cache.match(prompt(1, 32).hashes, 2).size(), 2U);
  cache.release(a);
  EXPECT_TRUE(cache.reset());
  EXPECT_EQ(cache.match(prompt(1, 32).hashes, 2).size(), 0U);
}

TEST(KvCacheWithoutPrefixesTest, FindsNothing) {
  KvCache cache(4, false);
  Holding a;
  ASSERT_TRUE(cache.grow(a, 16));
  cache.name(a, prompt(1, 16).hashes, 1);
  EXPECT_EQ(cache.match(prompt(1, 16).hashes, 1).size(), 0U);
}

}  // namespace
}  // namespace olla::sim::engine
