#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sim/engine/block_hash.h"
#include "sim/engine/block_pool.h"

namespace olla::sim::engine {

/// Which block has which contents. Several blocks may have the same: two requests that computed
/// the same tokens, each for itself. Not thread-safe.
class PrefixCache {
 public:
  explicit PrefixCache(std::size_t blocks);

  /// A block with these contents; of several the one that has them longest.
  [[nodiscard]] std::optional<BlockId> find(BlockHash hash) const;
  /// The block, which has no name yet, has these contents now.
  void add(BlockHash hash, BlockId block);
  /// The block's contents are about to be overwritten. Ignored if it has no name.
  void remove(BlockId block);
  /// Forgets all contents.
  void clear();

  [[nodiscard]] std::size_t size() const { return named_; }

 private:
  static constexpr BlockId kNone = ~BlockId{0};
  struct Name {
    BlockHash hash = 0;
    BlockId next = kNone;  // another block with the same contents
    bool set = false;
  };

  std::vector<Name> names_;
  std::unordered_map<BlockHash, BlockId> first_;
  std::size_t named_ = 0;
};

}  // namespace olla::sim::engine
