#include "sim/text.h"

#include <gtest/gtest.h>

#include <set>

namespace olla::sim {
namespace {

std::vector<TokenId> generate(const Tokenizer& tokenizer, std::uint64_t seed) {
  TextGenerator text(tokenizer, seed, false);
  std::vector<TokenId> tokens;
  do {
    tokens.push_back(text.next(true));
  } while (tokens.back() != Tokenizer::kTurnEnd && tokens.size() < 1000);
  return tokens;
}

TEST(TextGeneratorTest, WritesTheSameTextForTheSameSeed) {
  const Tokenizer tokenizer;
  EXPECT_EQ(generate(tokenizer, 7), generate(tokenizer, 7));
  EXPECT_NE(generate(tokenizer, 7), generate(tokenizer, 8));
}

TEST(TextGeneratorTest, EndsByItselfAfter20To120Tokens) {
  const Tokenizer tokenizer;
  std::set<std::size_t> lengths;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    const auto tokens = generate(tokenizer, seed);
    EXPECT_GE(tokens.size(), 20U);
    EXPECT_LE(tokens.size(), 120U);
    lengths.insert(tokens.size());
  }
  EXPECT_GT(lengths.size(), 50U);
}

TEST(TextGeneratorTest, WritesWholeWordsAndSentences) {
  const Tokenizer tokenizer;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    auto tokens = generate(tokenizer, seed);
    tokens.pop_back();
    for (const TokenId token : tokens) {
      const std::string_view text = tokenizer.text(token);
      EXPECT_TRUE(tokenizer.is_word(token) ||
                  std::string_view(".,:\n").find(text) != std::string_view::npos)
          << text;
    }
    const std::string text = tokenizer.detokenize(tokens);
    EXPECT_TRUE(text.front() >= 'A' && text.front() <= 'Z') << text;
    EXPECT_EQ(text.back(), '.') << text;
  }
}

TEST(TextGeneratorTest, BeginsWithASpaceWhenItContinuesAPrompt) {
  const Tokenizer tokenizer;
  TextGenerator text(tokenizer, 1, true);
  EXPECT_TRUE(tokenizer.text(text.next(true)).starts_with(' '));
}

TEST(TextGeneratorTest, GoesOnForAsLongAsItMayNotEnd) {
  const Tokenizer tokenizer;
  TextGenerator text(tokenizer, 1, false);
  for (int i = 0; i < 2000; ++i) {
    ASSERT_NE(text.next(false), Tokenizer::kTurnEnd);
  }
}

TEST(TextSeedTest, DependsOnEachPart) {
  const std::vector<TokenId> prompt = {1, 2, 3};
  const std::vector<TokenId> other = {1, 3, 2};
  const std::uint64_t base = text_seed({5, prompt, 0});
  EXPECT_EQ(base, text_seed({5, prompt, 0}));
  EXPECT_NE(base, text_seed({6, prompt, 0}));
  EXPECT_NE(base, text_seed({5, other, 0}));
  EXPECT_NE(base, text_seed({5, prompt, 1}));
}

}  // namespace
}  // namespace olla::sim
