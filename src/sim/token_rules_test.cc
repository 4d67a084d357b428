#include "sim/token_rules.h"

#include <gtest/gtest.h>

namespace olla::sim {
namespace {

class TokenRulesTest : public testing::Test {
 protected:
  /// How many of a thousand places do not have the model's own token.
  int replaced(const TokenRules& rules, TokenId natural) {
    int count = 0;
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
      if (rules.choose(tokenizer_, {natural, seed, {}, true}) != natural) ++count;
    }
    return count;
  }

  TokenId token(const char* text) { return tokenizer_.tokenize(text).front(); }

  const Tokenizer tokenizer_;
};

TEST_F(TokenRulesTest, ABiasDecidesTheMoreTheLargerItIs) {
  TokenRules rules;
  int last = 0;
  for (const double bias : {1.0, 4.0, 7.0, 10.0, 100.0}) {
    rules.bias = {{token(" cat"), bias}};
    const int now = replaced(rules, token(" the"));
    EXPECT_GE(now, last) << bias;
    last = now;
    if (bias == 1.0) {
      EXPECT_EQ(now, 0);
    } else {
      EXPECT_GT(now, 100);
    }
  }
  EXPECT_EQ(last, 1000);
}

TEST_F(TokenRulesTest, PutsAnyOtherWordInPlaceOfAForbiddenOne) {
  TokenRules rules;
  rules.bias = {{token(" the"), -100}};
  EXPECT_EQ(replaced(rules, token(" the")), 1000);
  EXPECT_EQ(replaced(rules, token(" a")), 0);
}

TEST_F(TokenRulesTest, ChoosesAmongTheAllowed) {
  TokenRules rules;
  rules.allowed = {49, 50};
  std::set<TokenId> seen;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    seen.insert(rules.choose(tokenizer_, {token(" the"), seed, {}, true}));
  }
  EXPECT_EQ(seen, (std::set<TokenId>{49, 50}));
  rules.bias = {{49, -100}};
  EXPECT_EQ(rules.choose(tokenizer_, {49, 1, {}, true}), 50U);
  // Nothing is left: the model's own choice stays.
  rules.bias[50] = -100;
  EXPECT_EQ(rules.choose(tokenizer_, {49, 1, {}, true}), 49U);
}

TEST_F(TokenRulesTest, KeepsStopsAwayBeforeTheyMayCome) {
  TokenRules rules;
  rules.stop = {token(" the")};
  EXPECT_NE(rules.choose(tokenizer_, {token(" the"), 1, {}, false}), token(" the"));
  EXPECT_EQ(rules.choose(tokenizer_, {token(" the"), 1, {}, true}), token(" the"));
}

TEST_F(TokenRulesTest, BreaksOffARunOfTokensAtItsLast) {
  TokenRules rules;
  const std::vector<TokenId> word = {token(" big"), token(" cat")};
  rules.bad_words = {word};
  const std::vector<TokenId> begun = {token(" a"), token(" big")};
  EXPECT_NE(rules.choose(tokenizer_, {word[1], 1, begun, true}), word[1]);
  EXPECT_EQ(rules.choose(tokenizer_, {word[1], 1, {}, true}), word[1]);
  EXPECT_EQ(rules.choose(tokenizer_, {word[0], 1, begun, true}), word[0]);
}

}  // namespace
}  // namespace olla::sim
