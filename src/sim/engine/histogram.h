#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace olla::sim::engine {

/// Counts values in buckets, as Prometheus means it: a bucket holds the values up to its bound.
class Histogram {
 public:
  /// `bounds`: upper bounds, rising; the bucket above the last one is implied. Must outlive the
  /// histogram: the bounds are constants.
  explicit Histogram(std::span<const double> bounds)
      : bounds_(bounds), counts_(bounds.size() + 1) {}

  void observe(double value) {
    std::size_t bucket = 0;
    while (bucket < bounds_.size() && value > bounds_[bucket]) {
      ++bucket;
    }
    ++counts_[bucket];
    ++count_;
    sum_ += value;
  }

  [[nodiscard]] std::span<const double> bounds() const { return bounds_; }
  /// Values in each bucket alone (not added up), one more than there are bounds.
  [[nodiscard]] std::span<const std::uint64_t> counts() const { return counts_; }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double sum() const { return sum_; }

 private:
  std::span<const double> bounds_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

}  // namespace olla::sim::engine
