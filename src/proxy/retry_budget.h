#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace olla::proxy {

/// Keeps retries a share of the requests, so that a fleet which fails as a whole does not get its
/// load times the number of endpoints on top. Shared by all threads; what they count together is
/// right but for a handful.
class RetryBudget {
 public:
  /// Retries and requests count for this long.
  static constexpr std::chrono::seconds kWindow{10};
  /// Retries that are always left within kWindow, unless the percentage is 0: the loss of one
  /// endpoint of a small fleet with everything that it had in flight must be absorbed.
  static constexpr std::uint64_t kFloor = 100;

  /// A request has come. Its retries are none.
  void note_request(TimePoint now) { requests_.add(now); }

  /// What `take` would say.
  [[nodiscard]] bool has_left(TimePoint now, std::uint32_t percent, std::uint64_t in_flight) const;

  /// Takes one retry; false when there is none left. `in_flight`: requests that endpoints have now;
  /// long ones began before the window did.
  bool take(TimePoint now, std::uint32_t percent, std::uint64_t in_flight);

  /// Retries that were not there to be taken, since the start.
  [[nodiscard]] std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  /// Counts events by second, as many seconds back as the window is long.
  class Tally {
   public:
    void add(TimePoint now);
    [[nodiscard]] std::uint64_t sum(TimePoint now) const;

   private:
    // The second in the upper half, the count of that second in the lower one.
    std::array<std::atomic<std::uint64_t>, kWindow.count()> seconds_{};
  };

  Tally requests_;
  Tally retries_;
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace olla::proxy
