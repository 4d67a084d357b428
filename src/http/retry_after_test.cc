#include "http/retry_after.h"

#include <gtest/gtest.h>

#include <string>

namespace olla::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// 6 November 1994, 08:49:37.
constexpr std::chrono::system_clock::time_point kNow{seconds(784111777)};

struct Case {
  const char* value;
  std::optional<seconds> wait;
};

constexpr Case kCases[] = {
    {"0", seconds(0)},
    {"7", seconds(7)},
    {"007", seconds(7)},
    {"86400", kRetryAfterMax},
    {"86401", kRetryAfterMax},
    {"99999999999999999999999999", kRetryAfterMax},
    {"Sun, 06 Nov 1994 08:49:37 GMT", seconds(0)},
    {"Sun, 06 Nov 1994 08:50:07 GMT", seconds(30)},
    {"Sun, 06 Nov 1994 08:49:36 GMT", seconds(0)},
    {"Mon, 07 Nov 1994 08:49:38 GMT", kRetryAfterMax},
    {"Wed, 28 Feb 2029 23:59:60 GMT", kRetryAfterMax},
    {"", std::nullopt},
    {"-1", std::nullopt},
    {"+1", std::nullopt},
    {"1.5", std::nullopt},
    {"soon", std::nullopt},
    {"Sun, 31 Feb 1999 08:49:37 GMT", std::nullopt},
    {"Sun, 00 Nov 1994 08:49:37 GMT", std::nullopt},
    {"Sun, 06 NOV 1994 08:49:37 GMT", std::nullopt},
    {"Sun, 06 Nov 1994 24:00:00 GMT", std::nullopt},
    {"Sun, 06 Nov 1994 08:49:37 CET", std::nullopt},
    {"Sun, +6 Nov 1994 08:49:37 GMT", std::nullopt},
    {"Sunday, 06-Nov-94 08:49:37 GMT", std::nullopt},
    {"Sun Nov  6 08:49:37 1994", std::nullopt},
};

TEST(RetryAfterTest, TakesSecondsAndDates) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.value);
    EXPECT_EQ(parse_retry_after(c.value, kNow), c.wait);
  }
}

TEST(RetryAfterTest, RoundsUp) {
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:38 GMT", kNow + milliseconds(1)), seconds(1));
}

TEST(RetryAfterTest, TakesNoPartOfADate) {
  const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
  for (std::size_t size = 0; size < date.size(); ++size)
    EXPECT_EQ(parse_retry_after(date.substr(0, size), kNow), std::nullopt) << size;
}

}  // namespace
}  // namespace olla::http
