#include "sim/continuation.h"

#include <algorithm>

namespace olla::sim {

Continuation::Continuation(const Tokenizer& tokenizer)
    : tokenizer_(tokenizer), thought_(tokenizer.phrase("<think>")) {
  header_.push_back(Tokenizer::kTurnStart);
  tokenizer.append("assistant\n", header_);
  for (const TokenId token : text_beginnings(tokenizer)) {
    if (token >= beginnings_.size()) beginnings_.resize(token + 1);
    beginnings_[token] = true;
  }
}

TextGenerator Continuation::after(const TextSeed& parts, bool thinks) const {
  const std::span<const TokenId> prompt = parts.prompt;
  const std::size_t end = prompt.size();
  const std::size_t first = end > kLookBackMax ? end - kLookBackMax : 0;
  TextSeeds seeds(parts.seed, parts.sample);
  // The earliest text that leads here is the answer that was begun; later ones match by chance.
  for (std::size_t begin = 0; begin < end; ++begin) {
    const TokenId token = prompt[begin];
    const bool thought = token == thought_;
    const bool may_begin = thought || (token < beginnings_.size() && beginnings_[token]);
    if (begin >= first && may_begin) {
      TextGenerator text(tokenizer_, seeds.seed(), !opens_turn(prompt, begin));
      if (thought) text.think();
      std::size_t at = begin;
      while (at < end && text.next(false) == prompt[at]) {
        ++at;
      }
      if (at == end) return text;
    }
    seeds.add(token);
  }
  TextGenerator text(tokenizer_, seeds.seed(), !opens_turn(prompt, end));
  if (thinks) text.think();
  return text;
}

bool Continuation::opens_turn(std::span<const TokenId> prompt, std::size_t position) const {
  const std::span<const TokenId> before = prompt.first(position);
  if (before.size() < header_.size()) return false;
  return std::equal(header_.begin(), header_.end(), before.end() - std::ssize(header_));
}

}  // namespace olla::sim
