#include "metrics/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace olla::metrics {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

Distribution distribution_of(const Histogram& histogram) {
  Distribution distribution;
  distribution.add(histogram);
  return distribution;
}

TEST(HistogramTest, ABoundBelongsToTheBucketBelowIt) {
  Histogram histogram(kDurationBounds);
  histogram.observe(milliseconds(10));
  histogram.observe(milliseconds(11));
  histogram.observe(Duration::zero());
  histogram.observe(-seconds(1));  // A clock that is not one: it counts as nothing.
  histogram.observe(seconds(601));
  EXPECT_EQ(histogram.count(0), 3U);
  EXPECT_EQ(histogram.count(1), 1U);
  EXPECT_EQ(histogram.count(kDurationBounds.size()), 1U);
  EXPECT_EQ(histogram.sum_microseconds(), 601'021'000U);
}

TEST(HistogramTest, AllBoundsRiseAndFit) {
  for (const Bounds bounds :
       {Bounds(kDurationBounds), Bounds(kFirstTokenBounds), Bounds(kInterTokenBounds)}) {
    EXPECT_TRUE(std::is_sorted(bounds.begin(), bounds.end()));
    EXPECT_LE(bounds.size(), kBoundsMax);
  }
}

TEST(HistogramTest, SeveralMakeOneDistribution) {
  Histogram one(kInterTokenBounds);
  Histogram other(kInterTokenBounds);
  one.observe(milliseconds(20));
  other.observe(milliseconds(20));
  other.observe(microseconds(1));
  Distribution distribution = distribution_of(one);
  EXPECT_EQ(distribution.count(), 1U);
  distribution.add(other);
  distribution.add(Distribution());
  EXPECT_EQ(distribution.count(), 3U);
  EXPECT_EQ(distribution.counts[0], 1U);
  EXPECT_DOUBLE_EQ(distribution.sum, 0.040001);
}

TEST(HistogramTest, QuantilesLieWithinTheirBucket) {
  Histogram histogram(kDurationBounds);
  EXPECT_EQ(distribution_of(histogram).quantile(0.95), 0);
  EXPECT_EQ(Distribution().quantile(0.5), 0);
  for (int i = 0; i < 90; ++i)
    histogram.observe(milliseconds(200));  // Between 0.1 and 0.25.
  for (int i = 0; i < 10; ++i)
    histogram.observe(seconds(4));  // Between 2.5 and 5.
  const Distribution distribution = distribution_of(histogram);
  EXPECT_DOUBLE_EQ(distribution.quantile(0.45), 0.175);
  EXPECT_DOUBLE_EQ(distribution.quantile(0.9), 0.25);
  EXPECT_DOUBLE_EQ(distribution.quantile(0.95), 3.75);
  EXPECT_DOUBLE_EQ(distribution.quantile(1), 5);
  histogram.observe(seconds(5000));
  EXPECT_DOUBLE_EQ(distribution_of(histogram).quantile(1), 600);
}

}  // namespace
}  // namespace olla::metrics
