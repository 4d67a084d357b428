#include "metrics/histogram.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace olla::metrics {

void Histogram::observe(Duration duration) {
  const Duration positive = std::max(duration, Duration::zero());
  const double seconds = std::chrono::duration<double>(positive).count();
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), seconds) - bounds_.begin();
  counts_.at(static_cast<std::size_t>(bucket)).add();
  sum_microseconds_.add(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(positive).count()));
}

void Distribution::add(const Histogram& part) {
  Distribution other;
  other.bounds = part.bounds();
  for (std::size_t i = 0; i <= part.bounds().size(); ++i)
    other.counts.push_back(part.count(i));
  other.sum = static_cast<double>(part.sum_microseconds()) / 1e6;
  add(other);
}

void Distribution::add(const Distribution& part) {
  if (part.counts.empty()) return;
  if (counts.empty()) {
    bounds = part.bounds;
    counts.assign(part.counts.size(), 0);
  }
  OLLA_CHECK(counts.size() == part.counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i)
    counts[i] += part.counts[i];
  sum += part.sum;
}

std::uint64_t Distribution::count() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

double Distribution::quantile(double quantile) const {
  const std::uint64_t all = count();
  if (all == 0) return 0;
  const double rank = quantile * static_cast<double>(all);
  double below = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here > 0 && below + here >= rank) {
      const double low = i == 0 ? 0 : bounds[i - 1];
      return low + (bounds[i] - low) * (rank - below) / here;
    }
    below += here;
  }
  return bounds.back();
}

}  // namespace olla::metrics
