#pragma once

#include <cstdint>

#include "base/clock.h"

namespace olla::limits {

/// How tokens come into a bucket, and how many it holds.
///
/// A bucket itself is one time, the one at which it is full again: a bucket that nobody uses needs
/// neither refilling nor a place in memory. TimePoint::min() is a bucket that was never used.
class BucketRules {
 public:
  /// `per_minute` tokens come in a minute, evenly; 0: there is no limit. The bucket holds `burst`,
  /// at least one.
  BucketRules(std::uint32_t per_minute, std::uint32_t burst);

  [[nodiscard]] bool enabled() const { return per_minute_ > 0; }
  [[nodiscard]] std::uint32_t per_minute() const { return per_minute_; }

  /// Whole tokens in a bucket that is full at `full_at`.
  [[nodiscard]] std::uint64_t tokens(TimePoint full_at, TimePoint now) const;
  /// How long until one can be taken; zero: at once.
  [[nodiscard]] Duration wait(TimePoint full_at, TimePoint now) const;
  /// When the bucket is full after one more is taken. Only while wait() is zero.
  [[nodiscard]] TimePoint take(TimePoint full_at, TimePoint now) const;

 private:
  std::uint32_t per_minute_;
  Duration interval_{0};  // From one token to the next.
  std::int64_t burst_;
};

}  // namespace olla::limits
