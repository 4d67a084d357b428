#include "limits/violations.h"

#include <cstring>

#include "base/random.h"
#include "limits/client_buckets.h"

namespace olla::limits {

void Violations::count_rate(const IpBits& client) {
  rate_.fetch_add(1, std::memory_order_relaxed);
  if (limited_clients() >= kClientsMax) return;
  const IpBits key = client_key(client);
  std::uint64_t halves[2];
  std::memcpy(halves, key.data(), sizeof halves);
  // 64 bits tell a hundred thousand clients apart, but for one in 10^9.
  const std::uint64_t hash = Random(Random(halves[0]).next() ^ halves[1]).next();
  const std::lock_guard lock(mutex_);
  if (seen_.size() < kClientsMax) seen_.insert(hash);
  limited_clients_.store(seen_.size(), std::memory_order_relaxed);
}

}  // namespace olla::limits
