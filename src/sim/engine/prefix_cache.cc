#include "sim/engine/prefix_cache.h"

#include "base/check.h"

namespace olla::sim::engine {

PrefixCache::PrefixCache(std::size_t blocks) : names_(blocks) {}

std::optional<BlockId> PrefixCache::find(BlockHash hash) const {
  const auto at = first_.find(hash);
  if (at == first_.end()) return std::nullopt;
  return at->second;
}

void PrefixCache::add(BlockHash hash, BlockId block) {
  Name& name = names_[block];
  OLLA_CHECK(!name.set);
  name = {hash, kNone, true};
  ++named_;
  const auto [at, is_new] = first_.try_emplace(hash, block);
  if (is_new) return;
  BlockId last = at->second;
  while (names_[last].next != kNone) {
    last = names_[last].next;
  }
  names_[last].next = block;
}

void PrefixCache::remove(BlockId block) {
  Name& name = names_[block];
  if (!name.set) return;
  const auto at = first_.find(name.hash);
  if (at->second != block) {
    BlockId before = at->second;
    while (names_[before].next != block) {
      before = names_[before].next;
    }
    names_[before].next = name.next;
  } else if (name.next != kNone) {
    at->second = name.next;
  } else {
    first_.erase(at);
  }
  name = {};
  --named_;
}

void PrefixCache::clear() {
  first_.clear();
  names_.assign(names_.size(), Name{});
  named_ = 0;
}

}  // namespace olla::sim::engine
