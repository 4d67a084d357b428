#include "limits/client_buckets.h"

#include <algorithm>
#include <cstring>

#include "base/random.h"

namespace olla::limits {
namespace {

std::uint64_t mixed(std::uint64_t value) {
  return Random(value).next();
}

std::uint64_t half_of(const IpBits& key, std::size_t offset) {
  std::uint64_t half = 0;
  std::memcpy(&half, key.data() + offset, sizeof half);
  return half;
}

}  // namespace

IpBits client_key(const IpBits& address) {
  IpBits key = address;
  if (!is_v4(address)) std::fill(key.begin() + 8, key.end(), std::uint8_t{0});
  return key;
}

void ClientBuckets::Bucket::set(TimePoint full_at) {
  place_->key = key_;
  place_->full_at = full_at;
  known_ = true;
}

ClientBuckets::Bucket ClientBuckets::bucket(const IpBits& key, TimePoint now) {
  const std::uint64_t hash = mixed(mixed(secret_ ^ half_of(key, 0)) ^ half_of(key, 8));
  const std::size_t index = hash % sets_.size();
  Bucket found;
  found.key_ = key;
  found.lock_ = std::unique_lock(locks_[index % locks_.size()].mutex);
  std::unique_ptr<Set>& set = sets_[index];
  if (!set) {
    set = std::make_unique<Set>();
    sets_in_use_.fetch_add(1, std::memory_order_relaxed);
  }
  const auto is_key = [&](const Place& place) { return place.key == key && place.full_at > now; };
  found.place_ = std::find_if(set->begin(), set->end(), is_key);
  found.known_ = found.place_ != set->end();
  if (!found.known_) {
    found.place_ = std::min_element(set->begin(), set->end(), [](const Place& a, const Place& b) {
      return a.full_at < b.full_at;
    });
  }
  return found;
}

void ClientBuckets::sweep(TimePoint now) {
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    const std::lock_guard lock(locks_[i % locks_.size()].mutex);
    if (!sets_[i]) continue;
    const auto is_free = [now](const Place& place) { return place.full_at <= now; };
    if (!std::all_of(sets_[i]->begin(), sets_[i]->end(), is_free)) continue;
    sets_[i].reset();
    sets_in_use_.fetch_sub(1, std::memory_order_relaxed);
  }
}

}  // namespace olla::limits
