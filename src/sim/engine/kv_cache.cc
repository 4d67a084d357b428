#include "sim/engine/kv_cache.h"

#include <algorithm>

#include "base/check.h"

namespace olla::sim::engine {

KvCache::KvCache(std::size_t blocks, bool finds_prefixes)
    : finds_prefixes_(finds_prefixes), pool_(blocks), prefixes_(blocks) {}

std::span<const BlockId> KvCache::match(std::span<const BlockHash> hashes, std::size_t blocks_max) {
  matched_.clear();
  if (!finds_prefixes_) return matched_;
  for (const BlockHash hash : hashes.first(std::min(hashes.size(), blocks_max))) {
    const auto block = prefixes_.find(hash);
    if (!block) break;
    matched_.push_back(*block);
  }
  return matched_;
}

bool KvCache::fits(std::size_t blocks, std::span<const BlockId> matched) const {
  const auto idle = std::count_if(matched.begin(), matched.end(),
                                  [this](BlockId block) { return pool_.is_free(block); });
  return blocks - matched.size() + static_cast<std::size_t>(idle) <= pool_.free();
}

void KvCache::share(Holding& holding, std::span<const BlockId> matched) {
  OLLA_CHECK(holding.blocks.empty());
  for (const BlockId block : matched) {
    pool_.use(block);
  }
  holding.blocks.assign(matched.begin(), matched.end());
  holding.named = matched.size();
}

bool KvCache::grow(Holding& holding, std::size_t tokens) {
  const std::size_t wanted = blocks_for(tokens);
  if (wanted <= holding.blocks.size()) return true;
  if (wanted - holding.blocks.size() > pool_.free()) return false;
  while (holding.blocks.size() < wanted) {
    const BlockId block = pool_.take();
    prefixes_.remove(block);
    holding.blocks.push_back(block);
  }
  return true;
}

void KvCache::name(Holding& holding, std::span<const BlockHash> hashes, std::size_t full) {
  if (!finds_prefixes_) return;
  OLLA_CHECK(full <= hashes.size() && full <= holding.blocks.size());
  for (; holding.named < full; ++holding.named) {
    prefixes_.add(hashes[holding.named], holding.blocks[holding.named]);
  }
}

void KvCache::release(Holding& holding) {
  std::for_each(holding.blocks.rbegin(), holding.blocks.rend(),
                [this](BlockId block) { pool_.release(block); });
  holding.blocks.clear();
  holding.named = 0;
}

bool KvCache::reset() {
  if (pool_.free() < pool_.size()) return false;
  prefixes_.clear();
  return true;
}

}  // namespace olla::sim::engine
