#include "sim/tokenizer.h"

#include <algorithm>

#include "base/check.h"
#include "sim/vocabulary.h"

namespace olla::sim {
namespace {

constexpr TokenId kFirstByte = 3;
constexpr std::size_t kNoSymbol = 99;

std::string_view take_word(std::string_view& list) {
  const std::size_t begin = list.find_first_not_of(" \n");
  if (begin == std::string_view::npos) return {};
  list.remove_prefix(begin);
  const std::size_t end = std::min(list.find_first_of(" \n"), list.size());
  const std::string_view word = list.substr(0, end);
  list.remove_prefix(end);
  return word;
}

std::string capitalized(std::string_view word) {
  std::string out(word);
  out.front() = static_cast<char>(out.front() - 'a' + 'A');
  return out;
}

void append_utf8(std::string& out, std::uint32_t character) {
  if (character < 0x80) {
    out += static_cast<char>(character);
  } else {  // no character of the table needs more than two bytes
    out += static_cast<char>(0xC0U | (character >> 6U));
    out += static_cast<char>(0x80U | (character & 0x3FU));
  }
}

bool prints(std::uint32_t byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

// The table of GPT-2: bytes that print stand for themselves; the others, in order, are U+0100 on.
std::array<std::uint32_t, 256> display_table() {
  std::array<std::uint32_t, 256> table{};
  std::uint32_t next = 0x100;
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    table[byte] = prints(byte) ? byte : next++;
  }
  return table;
}

}  // namespace

Tokenizer::Tokenizer() : texts_{"<|endoftext|>", "<|im_start|>", "<|im_end|>"} {
  nodes_.emplace_back();
  for (unsigned byte = 0; byte < 256; ++byte) {
    texts_.emplace_back(1, static_cast<char>(byte));
  }
  std::string_view pieces = kVocabularyPieces;
  for (std::string_view piece = take_word(pieces); !piece.empty(); piece = take_word(pieces)) {
    add(piece);
  }
  first_word_ = static_cast<TokenId>(texts_.size());
  std::string_view words = kVocabularyWords;
  for (std::string_view word = take_word(words); !word.empty(); word = take_word(words)) {
    add(" " + std::string(word));
    add(word);
    add(" " + capitalized(word));
    add(capitalized(word));
  }
  first_phrase_ = static_cast<TokenId>(texts_.size());
  texts_.insert(texts_.end(), kVocabularyPhrases.begin(), kVocabularyPhrases.end());
}

TokenId Tokenizer::phrase(std::string_view text) const {
  const auto at = std::find(kVocabularyPhrases.begin(), kVocabularyPhrases.end(), text);
  OLLA_CHECK(at != kVocabularyPhrases.end());
  return first_phrase_ + static_cast<TokenId>(at - kVocabularyPhrases.begin());
}

std::size_t Tokenizer::symbol(char c) {
  if (c >= 'a' && c <= 'z') return static_cast<std::size_t>(c - 'a');
  if (c >= 'A' && c <= 'Z') return static_cast<std::size_t>(c - 'A') + 26;
  return c == ' ' ? 52 : kNoSymbol;
}

void Tokenizer::add(std::string_view text) {
  std::size_t at = 0;
  for (const char c : text) {
    const std::size_t branch = symbol(c);
    OLLA_CHECK(branch < kSymbols);
    if (nodes_[at].next[branch] == kNone) {
      OLLA_CHECK(nodes_.size() < kNone);
      nodes_[at].next[branch] = static_cast<std::uint16_t>(nodes_.size());
      nodes_.emplace_back();
    }
    at = nodes_[at].next[branch];
  }
  // A word that stands in the lists twice keeps its first id. As a piece it may be there too: the
  // word then takes its place, and the piece's id is only ever detokenized.
  if (nodes_[at].token != kNone && (first_word_ == 0 || is_word(nodes_[at].token))) return;
  OLLA_CHECK(texts_.size() < kNone);
  nodes_[at].token = static_cast<std::uint16_t>(texts_.size());
  texts_.emplace_back(text);
}

void Tokenizer::append(std::string_view text, std::vector<TokenId>& out,
                       std::size_t tokens_max) const {
  while (!text.empty() && out.size() < tokens_max) {
    std::size_t at = 0;
    std::size_t length = 1;
    TokenId token = kFirstByte + static_cast<std::uint8_t>(text.front());
    for (std::size_t i = 0; i < text.size(); ++i) {
      const std::size_t branch = symbol(text[i]);
      if (branch >= kSymbols || nodes_[at].next[branch] == kNone) break;
      at = nodes_[at].next[branch];
      if (nodes_[at].token == kNone) continue;
      token = nodes_[at].token;
      length = i + 1;
    }
    out.push_back(token);
    text.remove_prefix(length);
  }
}

std::vector<TokenId> Tokenizer::tokenize(std::string_view text) const {
  std::vector<TokenId> out;
  append(text, out);
  return out;
}

std::string Tokenizer::detokenize(std::span<const TokenId> tokens) const {
  std::string out;
  for (const TokenId token : tokens) {
    out += texts_[token];
  }
  return out;
}

std::string Tokenizer::display(TokenId token) const {
  static const std::array<std::uint32_t, 256> table = display_table();
  if (token < kFirstByte) return texts_[token];
  std::string out;
  for (const char c : texts_[token]) {
    append_utf8(out, table[static_cast<std::uint8_t>(c)]);
  }
  return out;
}

}  // namespace olla::sim
