#include "limits/token_bucket.h"

#include <algorithm>

namespace olla::limits {

BucketRules::BucketRules(std::uint32_t per_minute, std::uint32_t burst)
    : per_minute_(per_minute), burst_(std::max<std::uint32_t>(1, burst)) {
  if (per_minute == 0) return;
  interval_ = Duration(std::chrono::minutes(1)) / per_minute;
  // A burst that takes a century to fill must not overflow the clock.
  burst_ = std::min<std::int64_t>(burst_, (Duration::max() / 4) / interval_);
}

std::uint64_t BucketRules::tokens(TimePoint full_at, TimePoint now) const {
  if (full_at <= now) return static_cast<std::uint64_t>(burst_);
  const std::int64_t missing =
      (full_at - now + interval_ - Duration(1)).count() / interval_.count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, burst_ - missing));
}

Duration BucketRules::wait(TimePoint full_at, TimePoint now) const {
  if (full_at <= now) return Duration::zero();
  return std::max(Duration::zero(), full_at - now - (burst_ - 1) * interval_);
}

TimePoint BucketRules::take(TimePoint full_at, TimePoint now) const {
  return std::max(full_at, now) + interval_;
}

}  // namespace olla::limits
