#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "sim/tokenizer.h"

namespace olla::sim {

/// What a request says of the tokens of its answer, beyond the text that the model would write.
///
/// The model's own choice has a likelihood that a bias of some 2 to 10 overcomes; one of 100 always
/// does, and -100 forbids a token. A choice is a function of the seed, the place and the tokens
/// before.
struct TokenRules {
  std::vector<TokenId> allowed;  ///< Only these, where there are any.
  std::map<TokenId, double> bias;
  std::set<TokenId> stop;  ///< They end the answer, and do not come before `min_tokens`.
  std::vector<std::vector<TokenId>> bad_words;  ///< Runs of tokens that do not come.

  /// Whether any token but the model's own may be chosen.
  [[nodiscard]] bool choose() const {
    return !allowed.empty() || !bias.empty() || !bad_words.empty() || !stop.empty();
  }
  /// Whether the model may end the text with a token of its own.
  [[nodiscard]] bool permits_end() const { return permits(Tokenizer::kTurnEnd); }

  struct Place {
    TokenId natural = 0;  ///< What the model would write.
    std::uint64_t seed = 0;
    std::span<const TokenId> before;  ///< Of the answer.
    bool may_stop = true;             ///< As many tokens as `min_tokens` wants are there.
  };
  /// The token for a place. When the rules leave none, the model's own.
  [[nodiscard]] TokenId choose(const Tokenizer& tokenizer, const Place& place) const;

 private:
  [[nodiscard]] bool permits(TokenId token) const;
  [[nodiscard]] bool permits(TokenId token, const Place& place) const;
};

}  // namespace olla::sim
