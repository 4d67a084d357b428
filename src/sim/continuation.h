#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sim/text.h"
#include "sim/tokenizer.h"

namespace olla::sim {

/// What the simulated model writes after a prompt: a function of the seed and of all tokens before,
/// whoever wrote them. A prompt that ends within an earlier answer goes on as that answer did.
///
/// Not thread-safe. `tokenizer` must outlive this and the texts.
class Continuation {
 public:
  /// Tokens of an answer behind which it is not found any more, so that a prompt costs little.
  static constexpr std::size_t kLookBackMax = 16384;

  explicit Continuation(const Tokenizer& tokenizer);

  /// The text that goes on where the prompt of `parts` ends. `thinks`: an answer to a chat that
  /// begins there begins with a thought.
  [[nodiscard]] TextGenerator after(const TextSeed& parts, bool thinks = false) const;

 private:
  /// Whether a text that begins at `position` of the prompt is an answer to a chat.
  [[nodiscard]] bool opens_turn(std::span<const TokenId> prompt, std::size_t position) const;

  const Tokenizer& tokenizer_;
  TokenId thought_;               // what an answer begins with that begins with a thought
  std::vector<TokenId> header_;   // what stands before an answer to a chat
  std::vector<bool> beginnings_;  // by token: whether a text may begin with it
};

}  // namespace olla::sim
