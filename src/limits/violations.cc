#include "limits/violations.h"

#include <cstring>

#include "base/random.h"
#include "limits/client_buckets.h"

namespace olla::limits {

void Violations::count_rate(const IpBits& client, TimePoint now) {
  rate_.fetch_add(1, std::memory_order_relaxed);
  const IpBits key = client_key(client);
  std::uint64_t halves[2];
  std::memcpy(halves, key.data(), sizeof halves);
  // 64 bits tell a hundred thousand clients apart, but for one in 10^9.
  const std::uint64_t hash = Random(Random(halves[0]).next() ^ halves[1]).next();
  const std::lock_guard lock(mutex_);
  const auto known = by_hash_.find(hash);
  if (known != by_hash_.end()) {
    known->second->at = now;
    clients_.splice(clients_.end(), clients_, known->second);
  } else {
    by_hash_.emplace(hash, clients_.insert(clients_.end(), {hash, now}));
  }
  forget_old(now);
}

std::size_t Violations::limited_clients(TimePoint now) {
  const std::lock_guard lock(mutex_);
  forget_old(now);
  return clients_.size();
}

void Violations::forget_old(TimePoint now) {
  while (!clients_.empty() &&
         (clients_.size() > kClientsMax || now - clients_.front().at >= kRemembered)) {
    by_hash_.erase(clients_.front().hash);
    clients_.pop_front();
  }
}

}  // namespace olla::limits
