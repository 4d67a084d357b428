#include "config/units.h"

#include <gtest/gtest.h>

namespace olla::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(UnitsTest, ReadsDurationsAsGoWritesThem) {
  const struct {
    const char* text;
    milliseconds expected;
  } cases[] = {
      {"0", milliseconds(0)},
      {"0s", milliseconds(0)},
      {"500ms", milliseconds(500)},
      {"5s", seconds(5)},
      {"1m30s", seconds(90)},
      {"15m", minutes(15)},
      {"24h", hours(24)},
      {"1.5s", milliseconds(1500)},
      {".5s", milliseconds(500)},
      {"1.s", seconds(1)},
      {"0.000001h", milliseconds(-1)},
      {"2000us", milliseconds(2)},
      {"2000\xc2\xb5s", milliseconds(2)},
      {"2000\xce\xbcs", milliseconds(2)},
      {"3000000ns", milliseconds(3)},
      {"1h2m3s4ms", hours(1) + minutes(2) + seconds(3) + milliseconds(4)},
      {"500us500us", milliseconds(1)},
      {"2562047h47m16s", hours(2562047) + minutes(47) + seconds(16)},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto parsed = parse_duration(c.text);
    if (c.expected < milliseconds(0)) {
      // 3.6 ms is no whole number of milliseconds.
      EXPECT_EQ(parsed.error().detail, "is finer than a millisecond");
    } else {
      ASSERT_TRUE(parsed) << parsed.error().detail;
      EXPECT_EQ(*parsed, c.expected);
    }
  }
}

TEST(UnitsTest, SaysWhatIsWrongWithADuration) {
  const struct {
    const char* text;
    const char* detail;
  } cases[] = {
      {"", "must be a duration"},
      {"soon", "must be a duration"},
      {"5", "needs a unit"},
      {"5000000000", "needs a unit"},
      {"1m30", "needs a unit"},
      {"5 s", "needs a unit"},
      {"5sec", "unknown unit"},
      {"5S", "unknown unit"},
      {"1d", "unknown unit"},
      {"-5s", "negative"},
      {"+5s", "must be a duration"},
      {"5s ", "must be a duration"},
      {".s", "must be a duration"},
      {"1us", "finer than a millisecond"},
      {"1.0000001s", "more than 6 digits"},
      {"2562048h", "too long"},
      {"2562047h60m", "too long"},
      {"99999999999999999999s", "too long"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto parsed = parse_duration(c.text);
    ASSERT_FALSE(parsed);
    EXPECT_NE(parsed.error().detail.find(c.detail), std::string::npos) << parsed.error().detail;
  }
}

TEST(UnitsTest, WritesDurationsInTheLargestWholeUnit) {
  EXPECT_EQ(duration_text(milliseconds(0)), "0s");
  EXPECT_EQ(duration_text(milliseconds(1)), "1ms");
  EXPECT_EQ(duration_text(milliseconds(1500)), "1500ms");
  EXPECT_EQ(duration_text(seconds(90)), "90s");
  EXPECT_EQ(duration_text(minutes(15)), "15m");
  EXPECT_EQ(duration_text(hours(24)), "24h");
}

TEST(UnitsTest, ReadsSizesInBinaryUnits) {
  const struct {
    const char* text;
    std::uint64_t expected;
  } cases[] = {
      {"0", 0},
      {"104857600", 104857600},
      {"512B", 512},
      {"1KB", 1024},
      {"1kb", 1024},
      {"64KiB", 65536},
      {"100MB", 104857600},
      {"100 MiB", 104857600},
      {"2M", 2097152},
      {"1G", 1073741824},
      {"18446744073709551615", 18446744073709551615ULL},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto parsed = parse_size(c.text);
    ASSERT_TRUE(parsed) << parsed.error().detail;
    EXPECT_EQ(*parsed, c.expected);
  }
}

TEST(UnitsTest, RefusesOtherSizes) {
  for (const char* text : {"", "MB", "1.5MB", "1XB", "1 MB ", "1  MB", "0x10", "1e6"}) {
    SCOPED_TRACE(text);
    ASSERT_FALSE(parse_size(text));
    EXPECT_NE(parse_size(text).error().detail.find("must be a size"), std::string::npos);
  }
  EXPECT_EQ(parse_size("-1").error().detail, "must not be negative");
  EXPECT_EQ(parse_size("18446744073709551616").error().detail, "is too large");
  EXPECT_EQ(parse_size("17179869184G").error().detail, "is too large");
}

TEST(UnitsTest, WritesSizesInTheLargestWholeUnit) {
  EXPECT_EQ(size_text(0), "0");
  EXPECT_EQ(size_text(1), "1");
  EXPECT_EQ(size_text(4096), "4KiB");
  EXPECT_EQ(size_text(104857600), "100MiB");
  EXPECT_EQ(size_text(1ULL << 34), "16GiB");
}

TEST(UnitsTest, WholeNumbersAreDecimalDigitsOnly) {
  EXPECT_EQ(*parse_whole_number("0"), 0u);
  EXPECT_EQ(*parse_whole_number("40114"), 40114u);
  for (const char* text : {"", "-1", "+1", "1.0", "1e3", "0x1F", "010", "1_000", " 1", "1 ",
                           "18446744073709551616", "port"}) {
    EXPECT_FALSE(parse_whole_number(text)) << text;
  }
}

}  // namespace
}  // namespace olla::config
