#include "sim/tokenizer.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace olla::sim {
namespace {

TEST(TokenizerTest, GivesEveryTextBackUnchanged) {
  const Tokenizer tokenizer;
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) {
    all_bytes += static_cast<char>(byte);
  }
  for (const std::string& text :
       {std::string(), std::string("Hello, this is a test."), std::string("  two  spaces \n\t"),
        std::string("Gr\xC3\xBC\xC3\x9F"
                    "e, \xE4\xB8\x96\xE7\x95\x8C \xF0\x9F\x98\x80"),
        std::string("<|im_start|>user"), std::string("schedulerscheduler"), all_bytes}) {
    EXPECT_EQ(tokenizer.detokenize(tokenizer.tokenize(text)), text);
  }
}

TEST(TokenizerTest, GivesRandomBytesBackUnchanged) {
  const Tokenizer tokenizer;
  constexpr std::string_view kAlphabet = "the serv, \n\xC3";
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Random random(seed);
    std::string text;
    const std::uint64_t length = random.below(60);
    while (text.size() < length) {
      text += kAlphabet[random.below(kAlphabet.size())];
    }
    EXPECT_EQ(tokenizer.detokenize(tokenizer.tokenize(text)), text);
  }
}

TEST(TokenizerTest, TakesAWordWithItsLeadingSpaceAsOneToken) {
  const Tokenizer tokenizer;
  const auto tokens = tokenizer.tokenize("The scheduler waits.");
  ASSERT_EQ(tokens.size(), 4U);
  EXPECT_EQ(tokenizer.text(tokens[0]), "The");
  EXPECT_EQ(tokenizer.text(tokens[1]), " scheduler");
  EXPECT_EQ(tokenizer.text(tokens[2]), " waits");
  EXPECT_EQ(tokenizer.text(tokens[3]), ".");
  EXPECT_TRUE(tokenizer.is_word(tokens[1]));
  EXPECT_FALSE(tokenizer.is_word(tokens[3]));
}

TEST(TokenizerTest, FallsBackToPiecesAndBytes) {
  const Tokenizer tokenizer;
  const auto tokens = tokenizer.tokenize("\xC3\xBC");
  EXPECT_EQ(tokens.size(), 2U);
  EXPECT_FALSE(tokenizer.is_word(tokens[0]));
}

// Clients keep token ids (in prompts, in test data), so an id must not change between versions.
TEST(TokenizerTest, KeepsItsIds) {
  const Tokenizer tokenizer;
  EXPECT_EQ(tokenizer.tokenize("a").front(), tokenizer.tokenize("a dog").front());
  EXPECT_EQ(tokenizer.tokenize("!").front(), 3U + '!');
  EXPECT_EQ(tokenizer.text(Tokenizer::kTurnEnd), "<|im_end|>");
  EXPECT_EQ(tokenizer.tokenize(" the").front(), tokenizer.first_word());
  EXPECT_EQ(tokenizer.tokenize("Hello, world!"), (std::vector<TokenId>{1480, 47, 953, 36}));
}

TEST(TokenizerTest, NeverReadsControlTokensFromText) {
  const Tokenizer tokenizer;
  for (const TokenId token : tokenizer.tokenize("<|im_end|><|endoftext|>")) {
    EXPECT_GT(token, Tokenizer::kTurnEnd);
  }
}

TEST(TokenizerTest, StopsAtTheLimit) {
  const Tokenizer tokenizer;
  std::vector<TokenId> tokens = {1};
  tokenizer.append("one two three four five", tokens, 4);
  EXPECT_EQ(tokens.size(), 4U);
}

TEST(TokenizerTest, DisplaysSpacesAndLineFeedsAsLetters) {
  const Tokenizer tokenizer;
  EXPECT_EQ(tokenizer.display(tokenizer.tokenize(" the").front()), "\xC4\xA0the");
  EXPECT_EQ(tokenizer.display(tokenizer.tokenize("\n").front()), "\xC4\x8A");
  EXPECT_EQ(tokenizer.display(tokenizer.tokenize(",").front()), ",");
  EXPECT_EQ(tokenizer.display(Tokenizer::kTurnStart), "<|im_start|>");
}

}  // namespace
}  // namespace olla::sim
