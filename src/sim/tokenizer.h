#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace olla::sim {

using TokenId = std::uint32_t;

/// A reversible tokenizer with a small built-in vocabulary: control tokens, the 256 bytes, pieces
/// of words, and common English words with and without a leading space or capital. The longest
/// token wins; a character outside every word falls back to its bytes, so any text goes through
/// and comes back unchanged.
///
/// Immutable once built, and so safe to share between threads. About 2 MB.
class Tokenizer {
 public:
  static constexpr TokenId kEndOfText = 0;
  static constexpr TokenId kTurnStart = 1;  ///< "<|im_start|>", before a message of a chat
  static constexpr TokenId kTurnEnd = 2;    ///< "<|im_end|>", what the model stops with

  Tokenizer();

  /// Number of tokens; every id is below it.
  [[nodiscard]] std::size_t size() const { return texts_.size(); }

  /// Appends the tokens of `text` to `out`, until `out` holds `tokens_max`. The limit spares the
  /// work on a prompt that is refused anyway. Control tokens are never read from text.
  void append(std::string_view text, std::vector<TokenId>& out,
              std::size_t tokens_max = std::numeric_limits<std::size_t>::max()) const;
  [[nodiscard]] std::vector<TokenId> tokenize(std::string_view text) const;

  /// The bytes of one token; `token` must be below size(). Valid as long as the tokenizer.
  [[nodiscard]] std::string_view text(TokenId token) const { return texts_[token]; }
  /// The bytes of all `tokens`, each below size(). May be cut within a UTF-8 character when the
  /// tokens are.
  [[nodiscard]] std::string detokenize(std::span<const TokenId> tokens) const;

  /// A token as tokenizers of the GPT-2 family name it: a space is U+0120, a line feed U+010A, and
  /// every other byte that does not print has a character of its own too.
  [[nodiscard]] std::string display(TokenId token) const;

  /// Whether the token is a whole word (not a control token, a byte, a piece or a phrase).
  [[nodiscard]] bool is_word(TokenId token) const {
    return token >= first_word_ && token < first_phrase_;
  }
  [[nodiscard]] TokenId first_word() const { return first_word_; }
  [[nodiscard]] std::size_t words() const { return first_phrase_ - first_word_; }

  /// The token of one of kVocabularyPhrases.
  [[nodiscard]] TokenId phrase(std::string_view text) const;

 private:
  static constexpr std::size_t kSymbols = 53;  // a-z, A-Z and the space begin or continue a word
  static constexpr std::uint16_t kNone = 0xFFFF;
  struct Node {
    std::array<std::uint16_t, kSymbols> next;
    std::uint16_t token = kNone;
    Node() { next.fill(kNone); }
  };

  static std::size_t symbol(char c);
  void add(std::string_view text);

  std::vector<std::string> texts_;
  std::vector<Node> nodes_;
  TokenId first_word_ = 0;
  TokenId first_phrase_ = std::numeric_limits<TokenId>::max();
};

}  // namespace olla::sim
