#include "metrics/exposition.h"

#include <gtest/gtest.h>

#include <limits>

namespace olla::metrics {
namespace {

TEST(ExpositionTest, AFamilysHeadStandsBeforeItsFirstSample) {
  Exposition page;
  page.family("a_total", "counter", "What a is");
  page.sample({}, std::uint64_t{3});
  page.family("none", "gauge", "Never seen");
  page.family("b", "gauge", "What b is");
  page.sample({{"endpoint", "x"}, {"model", "y"}}, 0.5);
  page.sample({{"endpoint", "z"}, {"model", "y"}}, std::int64_t{-1});
  EXPECT_EQ(page.take(),
            "# HELP a_total What a is\n"
            "# TYPE a_total counter\n"
            "a_total 3\n"
            "# HELP b What b is\n"
            "# TYPE b gauge\n"
            "b{endpoint=\"x\",model=\"y\"} 0.5\n"
            "b{endpoint=\"z\",model=\"y\"} -1\n");
}

TEST(ExpositionTest, LabelsAreEscapedAndUtf8) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"a\"b\\c\nd", "a\\\"b\\\\c\\nd"},
      {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
      {"\xff", "\xef\xbf\xbd"},
      {"\xc3", "\xef\xbf\xbd"},
      {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
      {"\xe0\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
  };
  for (const auto& [value, escaped] : kCases) {
    Exposition page;
    page.family("a", "gauge", "A");
    page.sample({{"model", value}}, std::uint64_t{1});
    EXPECT_EQ(page.take(),
              "# HELP a A\n# TYPE a gauge\na{model=\"" + std::string(escaped) + "\"} 1\n");
  }
}

TEST(ExpositionTest, AHistogramIsCumulative) {
  constexpr std::array<double, 2> kBounds{0.5, 1};
  Histogram histogram(kBounds);
  histogram.observe(std::chrono::milliseconds(250));
  histogram.observe(std::chrono::milliseconds(750));
  histogram.observe(std::chrono::milliseconds(750));
  histogram.observe(std::chrono::seconds(2));
  Distribution distribution;
  distribution.add(histogram);
  Exposition page;
  page.family("d_seconds", "histogram", "D");
  page.histogram({{"model", "m"}}, distribution);
  EXPECT_EQ(page.take(),
            "# HELP d_seconds D\n"
            "# TYPE d_seconds histogram\n"
            "d_seconds_bucket{model=\"m\",le=\"0.5\"} 1\n"
            "d_seconds_bucket{model=\"m\",le=\"1\"} 3\n"
            "d_seconds_bucket{model=\"m\",le=\"+Inf\"} 4\n"
            "d_seconds_sum{model=\"m\"} 3.75\n"
            "d_seconds_count{model=\"m\"} 4\n");
}

TEST(ExpositionTest, NumbersHaveSixDecimalsAtMost) {
  const std::pair<double, const char*> kCases[] = {
      {0, "0"},
      {-0.0, "0"},
      {100, "100"},
      {42.3730514, "42.373051"},
      {0.0025, "0.0025"},
      {1e-9, "0"},
      {1e15, "1000000000000000"},
      {std::numeric_limits<double>::infinity(), "+Inf"},
      {-std::numeric_limits<double>::infinity(), "-Inf"},
      {std::numeric_limits<double>::quiet_NaN(), "NaN"},
  };
  for (const auto& [value, text] : kCases)
    EXPECT_EQ(number_text(value), text);
}

}  // namespace
}  // namespace olla::metrics
