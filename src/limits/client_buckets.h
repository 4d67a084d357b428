#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/cidr.h"
#include "base/clock.h"

namespace olla::limits {

/// Whose bucket it is: an IPv4 address, or the /64 that an IPv6 address is in, since a single host
/// has a whole one to choose its addresses from.
[[nodiscard]] IpBits client_key(const IpBits& address);

/// The buckets of all clients, for any thread. At most kClientsMax are remembered.
///
/// The table is made of sets of kWays places; the key, hashed with a secret, says which set a
/// client belongs to. A place whose bucket is full again is free. When all of a set are taken, the
/// bucket that is full soonest is forgotten, since the least is lost with it. So a client gets rid
/// of its own debt only with as many other addresses as the table has places, each of them deeper
/// in debt than itself; that costs more than it wins.
class ClientBuckets {
 public:
  static constexpr std::size_t kWays = 16;
  static constexpr std::size_t kClientsMax = 100'000;

  /// `secret`: a random number that clients do not know.
  explicit ClientBuckets(std::uint64_t secret) : secret_(secret), sets_(kClientsMax / kWays) {}

 private:
  struct Place {
    IpBits key{};
    TimePoint full_at = TimePoint::min();
  };
  using Set = std::array<Place, kWays>;

 public:
  /// One client's bucket, which nobody else may use meanwhile: hold it shortly, and one at a time.
  class Bucket {
   public:
    /// TimePoint::min() when the client is not known.
    [[nodiscard]] TimePoint full_at() const { return known_ ? place_->full_at : TimePoint::min(); }
    void set(TimePoint full_at);

   private:
    friend class ClientBuckets;
    std::unique_lock<std::mutex> lock_;
    IpBits key_{};
    Place* place_ = nullptr;
    bool known_ = false;
  };

  [[nodiscard]] Bucket bucket(const IpBits& key, TimePoint now);

  /// Gives the memory of clients back that are not needed any more. Holds no lock for long.
  void sweep(TimePoint now);

  /// Places that have memory, for tests.
  [[nodiscard]] std::size_t places() const {
    return kWays * sets_in_use_.load(std::memory_order_relaxed);
  }

 private:
  struct alignas(64) Lock {
    std::mutex mutex;
  };

  std::uint64_t secret_;
  std::vector<std::unique_ptr<Set>> sets_;
  // Far more than there are threads, so that two seldom meet. Set i has the lock i modulo these.
  std::array<Lock, 64> locks_;
  std::atomic<std::size_t> sets_in_use_{0};
};

}  // namespace olla::limits
