#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace olla::sim::engine {

using BlockId = std::uint32_t;

/// The blocks of one KV cache: who uses how many, and in which order the free ones are taken.
///
/// A block without users waits in a queue. The one that waits there longest is taken first, so that
/// the contents of the others can be found again for as long as possible. Not thread-safe.
class BlockPool {
 public:
  /// `blocks`: at least 1, below 2^32 - 1.
  explicit BlockPool(std::size_t blocks);

  [[nodiscard]] std::size_t size() const { return users_.size(); }
  [[nodiscard]] std::size_t free() const { return free_; }
  [[nodiscard]] bool is_free(BlockId block) const { return users_[block] == 0; }
  [[nodiscard]] std::uint32_t users(BlockId block) const { return users_[block]; }

  /// Takes the block that is free longest, for one user. One must be free.
  BlockId take();
  /// One user more, of a block that is free or has some.
  void use(BlockId block);
  /// One user less; without any it goes to the end of the queue.
  void release(BlockId block);

 private:
  struct Link {
    BlockId before;
    BlockId after;
  };
  void append(BlockId block);
  void unlink(BlockId block);

  std::vector<std::uint32_t> users_;
  std::vector<Link> links_;  // one more than there are blocks: the last is the head of the ring
  BlockId head_;
  std::size_t free_ = 0;
};

}  // namespace olla::sim::engine
