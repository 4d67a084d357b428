#include "limits/rate_limiter.h"

#include <algorithm>

namespace olla::limits {
namespace {

RateVerdict verdict(bool admitted, const BucketRules& rules, TimePoint full_at, TimePoint now) {
  RateVerdict verdict;
  verdict.admitted = admitted;
  verdict.per_minute = rules.per_minute();
  verdict.remaining = rules.tokens(full_at, now);
  verdict.full_in = full_at > now ? full_at - now : Duration::zero();
  if (!admitted) verdict.retry_in = rules.wait(full_at, now);
  return verdict;
}

}  // namespace

RateLimiter::RateLimiter(const config::RateLimits& limits, std::uint64_t secret)
    : per_client_(limits.per_ip_requests_per_minute, limits.burst_size),
      global_(limits.global_requests_per_minute, limits.burst_size),
      clients_(secret) {}

RateVerdict RateLimiter::take_of_all(TimePoint now) {
  TimePoint::rep seen = global_full_at_.load(std::memory_order_relaxed);
  for (;;) {
    const TimePoint full_at{Duration(seen)};
    if (global_.wait(full_at, now) > Duration::zero()) return verdict(false, global_, full_at, now);
    const TimePoint taken = global_.take(full_at, now);
    if (global_full_at_.compare_exchange_weak(seen, taken.time_since_epoch().count(),
                                              std::memory_order_relaxed)) {
      return verdict(true, global_, taken, now);
    }
  }
}

RateVerdict RateLimiter::admit(const IpBits& client, TimePoint now) {
  if (!per_client_.enabled()) return global_.enabled() ? take_of_all(now) : RateVerdict();
  ClientBuckets::Bucket bucket = clients_.bucket(client_key(client), now);
  const bool has_token = per_client_.wait(bucket.full_at(), now) == Duration::zero();
  if (!has_token) {
    RateVerdict own = verdict(false, per_client_, bucket.full_at(), now);
    if (!global_.enabled()) return own;
    const TimePoint full_at{Duration(global_full_at_.load(std::memory_order_relaxed))};
    if (global_.wait(full_at, now) <= own.retry_in) return own;
    return verdict(false, global_, full_at, now);
  }
  RateVerdict all;
  if (global_.enabled()) {
    all = take_of_all(now);
    if (!all.admitted) return all;
  }
  bucket.set(per_client_.take(bucket.full_at(), now));
  const RateVerdict own = verdict(true, per_client_, bucket.full_at(), now);
  return global_.enabled() && all.remaining < own.remaining ? all : own;
}

}  // namespace olla::limits
