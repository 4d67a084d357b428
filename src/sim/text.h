#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "sim/tokenizer.h"

namespace olla::sim {

/// What decides the text of one answer. Equal seeds give equal texts on every server, so that a
/// fleet of simulated servers looks like one model.
struct TextSeed {
  std::uint64_t seed = 0;           ///< The request's `seed`; without one, that of the server.
  std::span<const TokenId> prompt;  ///< Only read by text_seed().
  std::size_t sample = 0;           ///< 0 to n - 1: the answers to one prompt differ.
};

/// Mixes the parts into one number. A pure function, the same on every machine.
std::uint64_t text_seed(const TextSeed& parts);

/// The same for a prompt that comes token by token.
class TextSeeds {
 public:
  TextSeeds(std::uint64_t seed, std::size_t sample);
  void add(TokenId token);
  /// text_seed() of the tokens so far.
  [[nodiscard]] std::uint64_t seed() const;

 private:
  std::uint64_t state_;
  std::size_t sample_;
};

/// The tokens with which texts of a TextGenerator begin.
std::vector<TokenId> text_beginnings(const Tokenizer& tokenizer);

/// Writes readable English about serving language models, one token at a time.
///
/// A deterministic grammar: the text follows from the seed alone. It ends, with
/// Tokenizer::kTurnEnd, at the end of a sentence after 20 to 120 tokens.
///
/// Not thread-safe. `tokenizer` must outlive the generator.
class TextGenerator {
 public:
  /// `continues`: the text goes on after a prompt and begins with a space; otherwise it is an
  /// answer of its own and does not.
  TextGenerator(const Tokenizer& tokenizer, std::uint64_t seed, bool continues);

  /// An answer of exactly `text`, which then ends whether it may or not: what a request demands.
  TextGenerator(const Tokenizer& tokenizer, std::string_view text);
  TextGenerator(const Tokenizer& tokenizer, std::vector<TokenId> tokens);

  /// The text begins with a thought between `<think>` and `</think>`. Before the first next().
  void think() { thinks_ = true; }

  [[nodiscard]] const Tokenizer& tokenizer() const { return *tokenizer_; }
  /// Whether the text is demanded, so that no other token may take the place of one of it.
  [[nodiscard]] bool fixed() const { return fixed_; }

  /// The next token. With `may_end` false the text goes on instead of ending, for ever if need be.
  TokenId next(bool may_end);

 private:
  void compose();
  void compose_thought();
  std::string sentence();

  const Tokenizer* tokenizer_;
  Random random_;
  std::size_t end_after_;  // tokens after which the end of a sentence ends the text
  std::size_t produced_ = 0;
  std::size_t sentences_ = 0;
  bool continues_;
  bool fixed_ = false;
  bool thinks_ = false;
  std::vector<TokenId> pending_;  // the rest of the sentence, from position_ on
  std::size_t position_ = 0;
};

}  // namespace olla::sim
