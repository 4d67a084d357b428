#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace olla::bench {

/// Every single duration, so that a percentile is one that was measured and not a bucket's edge.
class Latencies {
 public:
  void add(std::int64_t ns) { all_.push_back(ns); }
  void clear() { all_.clear(); }
  [[nodiscard]] std::size_t count() const { return all_.size(); }

  /// The smallest duration that `part` (0 to 1) of all do not exceed, in microseconds; 0: none.
  [[nodiscard]] double percentile_us(double part) {
    if (all_.empty()) return 0;
    const auto last = static_cast<double>(all_.size() - 1);
    const auto at = all_.begin() + static_cast<std::ptrdiff_t>(part * last + 0.5);
    std::nth_element(all_.begin(), at, all_.end());
    return static_cast<double>(*at) / 1000;
  }

 private:
  std::vector<std::int64_t> all_;
};

}  // namespace olla::bench
