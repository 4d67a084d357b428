#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace olla::sim::engine {

/// Tokens in one block of the KV cache.
inline constexpr std::size_t kBlockTokens = 16;

/// Names the contents of a block together with all that goes before it.
using BlockHash = std::uint64_t;

/// Where a chain of blocks begins. `salt` keeps apart what must not be shared, such as the prompts
/// of two adapters; 0: none.
BlockHash first_hash(std::uint64_t salt);

/// The name of the block that holds `tokens` after the one named `before`.
BlockHash chain_hash(BlockHash before, std::span<const std::uint32_t> tokens);

/// What the engine needs to know about a prompt.
struct Prompt {
  std::size_t tokens = 0;         ///< At least 1.
  std::vector<BlockHash> hashes;  ///< Of its full blocks.
  /// The tokens behind the last full block; may be empty when nobody knows them.
  std::vector<std::uint32_t> rest;
  BlockHash last = 0;  ///< The chain's end: the last of `hashes`, or its beginning.
};

/// The prompt of these tokens.
Prompt prompt_of(std::span<const std::uint32_t> tokens, std::uint64_t salt);

/// How many blocks hold so many tokens.
constexpr std::size_t blocks_for(std::size_t tokens) {
  return (tokens + kBlockTokens - 1) / kBlockTokens;
}

}  // namespace olla::sim::engine
