#pragma once

#include <atomic>
#include <cstdint>

#include "base/cidr.h"
#include "base/clock.h"
#include "config/config.h"
#include "limits/client_buckets.h"
#include "limits/token_bucket.h"

namespace olla::limits {

/// What became of one request, and how things stand after it, by the limit that is nearest.
struct RateVerdict {
  bool admitted = true;
  std::uint32_t per_minute = 0;  ///< Of that limit; 0: none is set.
  std::uint64_t remaining = 0;   ///< Requests that could come at once.
  Duration full_in{0};           ///< Until its bucket is full again.
  Duration retry_in{0};          ///< When not admitted: until a request would be.
};

/// Counts requests against the limit of their client and the one of all clients. Any thread.
class RateLimiter {
 public:
  /// `secret`: see ClientBuckets.
  RateLimiter(const config::RateLimits& limits, std::uint64_t secret);

  [[nodiscard]] bool enabled() const { return per_client_.enabled() || global_.enabled(); }

  /// Takes a token of each limit, or of none. A request whose limits are both used up is told the
  /// one that takes longer.
  [[nodiscard]] RateVerdict admit(const IpBits& client, TimePoint now);

  /// Forgets clients that are not needed any more.
  void sweep(TimePoint now) { clients_.sweep(now); }

 private:
  [[nodiscard]] RateVerdict take_of_all(TimePoint now);

  BucketRules per_client_;
  BucketRules global_;
  ClientBuckets clients_;
  std::atomic<TimePoint::rep> global_full_at_{TimePoint::min().time_since_epoch().count()};
};

}  // namespace olla::limits
