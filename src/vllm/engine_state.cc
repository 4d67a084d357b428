#include "vllm/engine_state.h"

#include <algorithm>

namespace olla::vllm {

void Histogram::add(const Histogram& other) {
  sum += other.sum;
  if (other.buckets.empty()) return;
  if (buckets.empty()) {
    buckets = other.buckets;
    return;
  }
  std::vector<Bucket> common;
  common.reserve(std::min(buckets.size(), other.buckets.size()));
  auto theirs = other.buckets.begin();
  for (const Bucket& bucket : buckets) {
    while (theirs != other.buckets.end() && theirs->bound < bucket.bound)
      ++theirs;
    if (theirs == other.buckets.end()) break;
    if (theirs->bound == bucket.bound)
      common.push_back({bucket.bound, bucket.count + theirs->count});
  }
  buckets = std::move(common);
}

std::optional<double> EngineState::cached_share() const {
  if (!prompt_tokens_cached_total || prompt_tokens_total == 0) return std::nullopt;
  const double share =
      static_cast<double>(*prompt_tokens_cached_total) / static_cast<double>(prompt_tokens_total);
  return std::min(share, 1.0);
}

}  // namespace olla::vllm
