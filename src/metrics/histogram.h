#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"
#include "metrics/counter.h"

namespace olla::metrics {

/// Upper bounds in seconds, rising; what is over the last one falls into a bucket of its own.
using Bounds = std::span<const double>;

constexpr std::size_t kBoundsMax = 16;

/// Of whole requests: from a health question to a long generation.
constexpr std::array<double, 16> kDurationBounds{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,   2.5,
                                                 5,    10,    20,   30,  60,   120, 300, 600};
/// Until the first piece of a stream: a short prompt on an idle GPU, a long one in a queue.
constexpr std::array<double, 14> kFirstTokenBounds{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                                   2.5,  5,     10,   20,  40,   80,  160};
/// Between two pieces of a stream: a small model, a large one, a preempted one.
constexpr std::array<double, 14> kInterTokenBounds{0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05,
                                                   0.075, 0.1,    0.15,  0.25, 0.5,   1,     2.5};

/// Sorts durations into buckets. One thread observes, every thread may read.
class Histogram {
 public:
  /// `bounds` has at most kBoundsMax and outlives the histogram.
  explicit Histogram(Bounds bounds) : bounds_(bounds) {}

  void observe(Duration duration);

  [[nodiscard]] Bounds bounds() const { return bounds_; }
  /// How many fell into the bucket `index`, of bounds().size() + 1.
  [[nodiscard]] std::uint64_t count(std::size_t index) const { return counts_.at(index).value(); }
  [[nodiscard]] std::uint64_t sum_microseconds() const { return sum_microseconds_.value(); }

 private:
  Bounds bounds_;
  std::array<Counter, kBoundsMax + 1> counts_;
  Counter sum_microseconds_;
};

/// What histograms of the same bounds hold together.
struct Distribution {
  Bounds bounds;
  std::vector<std::uint64_t> counts;  ///< One more than bounds; empty: nothing was added yet.
  double sum = 0;                     ///< In seconds.

  void add(const Histogram& part);
  void add(const Distribution& part);

  [[nodiscard]] std::uint64_t count() const;
  /// The value in seconds under which the share `quantile` (0 to 1) lies, taking values for evenly
  /// spread within a bucket; 0 without values. Of values over the last bound, that bound.
  [[nodiscard]] double quantile(double quantile) const;
};

}  // namespace olla::metrics
