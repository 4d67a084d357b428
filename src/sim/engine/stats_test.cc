#include "sim/engine/stats.h"

#include <gtest/gtest.h>

namespace olla::sim::engine {
namespace {

TEST(HistogramTest, CountsAValueInTheFirstBucketThatHoldsIt) {
  static constexpr std::array kBounds = {1.0, 2.0};
  Histogram histogram(kBounds);
  for (const double value : {0.5, 1.0, 1.5, 9.0}) {
    histogram.observe(value);
  }
  const std::vector<std::uint64_t> counts(histogram.counts().begin(), histogram.counts().end());
  EXPECT_EQ(counts, (std::vector<std::uint64_t>{2, 1, 1}));
  EXPECT_EQ(histogram.count(), 4U);
  EXPECT_EQ(histogram.sum(), 12.0);
}

}  // namespace
}  // namespace olla::sim::engine
