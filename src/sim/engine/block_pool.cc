#include "sim/engine/block_pool.h"

#include <limits>

#include "base/check.h"

namespace olla::sim::engine {

BlockPool::BlockPool(std::size_t blocks) : users_(blocks), links_(blocks + 1), head_(0) {
  OLLA_CHECK(blocks > 0 && blocks < std::numeric_limits<BlockId>::max());
  head_ = static_cast<BlockId>(blocks);
  links_[head_] = {head_, head_};
  for (BlockId block = 0; block < head_; ++block) {
    append(block);
  }
}

BlockId BlockPool::take() {
  OLLA_CHECK(free_ > 0);
  const BlockId block = links_[head_].after;
  use(block);
  return block;
}

void BlockPool::use(BlockId block) {
  if (users_[block]++ == 0) unlink(block);
}

void BlockPool::release(BlockId block) {
  OLLA_CHECK(users_[block] > 0);
  if (--users_[block] == 0) append(block);
}

void BlockPool::append(BlockId block) {
  const BlockId last = links_[head_].before;
  links_[block] = {last, head_};
  links_[last].after = block;
  links_[head_].before = block;
  ++free_;
}

void BlockPool::unlink(BlockId block) {
  const Link link = links_[block];
  links_[link.before].after = link.after;
  links_[link.after].before = link.before;
  --free_;
}

}  // namespace olla::sim::engine
