#include "sim/engine/block_hash.h"

#include "base/random.h"

namespace olla::sim::engine {

BlockHash first_hash(std::uint64_t salt) {
  return Random(salt).next();
}

BlockHash chain_hash(BlockHash before, std::span<const std::uint32_t> tokens) {
  std::uint64_t state = before;
  for (const std::uint32_t token : tokens) {
    // FNV-1a over whole tokens; the mixer at the end spreads it over all bits.
    state = (state ^ token) * 0x100000001B3ULL;
  }
  return Random(state).next();
}

Prompt prompt_of(std::span<const std::uint32_t> tokens, std::uint64_t salt) {
  Prompt prompt;
  prompt.tokens = tokens.size();
  prompt.last = first_hash(salt);
  prompt.hashes.reserve(tokens.size() / kBlockTokens);
  while (tokens.size() >= kBlockTokens) {
    prompt.last = chain_hash(prompt.last, tokens.first(kBlockTokens));
    prompt.hashes.push_back(prompt.last);
    tokens = tokens.subspan(kBlockTokens);
  }
  prompt.rest.assign(tokens.begin(), tokens.end());
  return prompt;
}

}  // namespace olla::sim::engine
