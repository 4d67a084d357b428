#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sim/engine/block_hash.h"
#include "sim/engine/block_pool.h"
#include "sim/engine/prefix_cache.h"

namespace olla::sim::engine {

/// The blocks that one request holds, in the order of its tokens.
struct Holding {
  std::vector<BlockId> blocks;
  std::size_t named = 0;  ///< Of these the first ones, whose contents others can find.
};

/// The KV cache of one engine: blocks for the requests that run, and what they leave behind. Not
/// thread-safe.
class KvCache {
 public:
  /// `finds_prefixes` false: nothing that was computed is found again.
  KvCache(std::size_t blocks, bool finds_prefixes);

  [[nodiscard]] std::size_t blocks() const { return pool_.size(); }
  [[nodiscard]] std::size_t free() const { return pool_.free(); }

  /// The blocks that hold a beginning of the chain `hashes`, at most `blocks_max`. Valid until the
  /// next call.
  std::span<const BlockId> match(std::span<const BlockHash> hashes, std::size_t blocks_max);

  /// Whether `blocks` blocks can be had, of which those in `matched` are there already.
  [[nodiscard]] bool fits(std::size_t blocks, std::span<const BlockId> matched) const;

  /// An empty holding gets the blocks that match() found.
  void share(Holding& holding, std::span<const BlockId> matched);

  /// Gives the holding blocks for so many tokens. False, and nothing changed, when too few are
  /// free.
  bool grow(Holding& holding, std::size_t tokens);

  /// The first `full` blocks of the holding are computed: they can be found by their hashes from
  /// here on.
  void name(Holding& holding, std::span<const BlockHash> hashes, std::size_t full);

  /// Takes all blocks back, the last one first, so that the beginning of a text is kept longest.
  void release(Holding& holding);

  /// Forgets what was computed. False, and nothing changed, while a request holds a block.
  bool reset();

 private:
  bool finds_prefixes_;
  BlockPool pool_;
  PrefixCache prefixes_;
  std::vector<BlockId> matched_;
};

}  // namespace olla::sim::engine
