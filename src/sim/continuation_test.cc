#include "sim/continuation.h"

#include <gtest/gtest.h>

namespace olla::sim {
namespace {

using Tokens = std::vector<TokenId>;

class ContinuationTest : public testing::Test {
 protected:
  Tokens chat_prompt(std::string_view text) const {
    Tokens out{Tokenizer::kTurnStart};
    tokenizer_.append("user\n", out);
    tokenizer_.append(text, out);
    out.push_back(Tokenizer::kTurnEnd);
    tokenizer_.append("\n", out);
    out.push_back(Tokenizer::kTurnStart);
    tokenizer_.append("assistant\n", out);
    return out;
  }

  /// What follows the prompt, up to the end of the text or to `tokens_max` tokens.
  Tokens follow(const Tokens& prompt, std::size_t tokens_max = 1000, bool may_end = true,
                std::uint64_t seed = 7) const {
    TextGenerator text = continuation_.after({seed, prompt, 0});
    Tokens out;
    while (out.size() < tokens_max) {
      out.push_back(text.next(may_end));
      if (out.back() == Tokenizer::kTurnEnd) break;
    }
    return out;
  }

  Tokenizer tokenizer_;
  Continuation continuation_{tokenizer_};
};

TEST_F(ContinuationTest, GoesOnFromEveryTokenOfAnAnswer) {
  for (const std::string question : {"Hello", "What is a queue?", "It is warm. The engine keeps"}) {
    for (Tokens prompt : {chat_prompt(question), tokenizer_.tokenize(question)}) {
      const Tokens answer = follow(prompt);
      ASSERT_GE(answer.size(), 20U);
      for (std::size_t cut = 0; cut + 1 < answer.size(); ++cut) {
        const auto middle = answer.begin() + static_cast<std::ptrdiff_t>(cut);
        Tokens longer = prompt;
        longer.insert(longer.end(), answer.begin(), middle);
        EXPECT_EQ(follow(longer), Tokens(middle, answer.end())) << question << " cut at " << cut;
      }
    }
  }
}

TEST_F(ContinuationTest, GoesOnWithAnAnswerThatMayNotEnd) {
  const Tokens prompt = chat_prompt("Hello");
  const Tokens answer = follow(prompt, 3000, false);
  Tokens longer = prompt;
  longer.insert(longer.end(), answer.begin(), answer.begin() + 2500);
  EXPECT_EQ(follow(longer, 500, false), Tokens(answer.begin() + 2500, answer.end()));
}

TEST_F(ContinuationTest, BeginsAnewAfterAnotherTurn) {
  Tokens prompt = chat_prompt("Hello");
  const Tokens answer = follow(prompt);
  prompt.insert(prompt.end(), answer.begin(), answer.end());
  const Tokens next = chat_prompt("And then?");
  prompt.insert(prompt.end(), next.begin(), next.end());
  const Tokens second = follow(prompt);
  EXPECT_NE(second, answer);
  // An answer of its own begins without a space.
  EXPECT_NE(tokenizer_.text(second.front()).front(), ' ');
}

TEST_F(ContinuationTest, GoesOnInAnotherWayWithAnotherSeed) {
  const Tokens prompt = chat_prompt("Hello");
  const Tokens answer = follow(prompt);
  Tokens longer = prompt;
  longer.insert(longer.end(), answer.begin(), answer.begin() + 10);
  EXPECT_NE(follow(longer, 1000, true, 8), Tokens(answer.begin() + 10, answer.end()));
}

TEST_F(ContinuationTest, LooksBackOnlySoFar) {
  const Tokens prompt = chat_prompt("Hello");
  const std::size_t size = Continuation::kLookBackMax + 100;
  const Tokens answer = follow(prompt, size + 50, false);
  Tokens longer = prompt;
  longer.insert(longer.end(), answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(size));
  EXPECT_NE(follow(longer, 50, false),
            Tokens(answer.begin() + static_cast<std::ptrdiff_t>(size), answer.end()));
}

}  // namespace
}  // namespace olla::sim
