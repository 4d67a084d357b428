#include "admin/format.h"

#include <gtest/gtest.h>

namespace olla::admin {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(FormatTest, Bytes) {
  const std::pair<std::uint64_t, const char*> kCases[] = {
      {0, "0 B"},
      {1023, "1023 B"},
      {1024, "1.00 KB"},
      {2052, "2.00 KB"},
      {5560, "5.43 KB"},
      {1'048'576, "1.00 MB"},
      {4'005'057'004, "3.73 GB"},
      {1ULL << 40, "1.00 TB"},
      {5ULL << 60, "5120.00 PB"},
  };
  for (const auto& [bytes, text] : kCases)
    EXPECT_EQ(bytes_text(bytes), text);
}

TEST(FormatTest, Percent) {
  const std::pair<double, const char*> kCases[] = {
      {0, "0%"}, {100, "100%"}, {200.0 / 3, "66.7%"}, {50, "50.0%"}, {0.04, "0.0%"}};
  for (const auto& [percent, text] : kCases)
    EXPECT_EQ(percent_text(percent), text);
}

TEST(FormatTest, Latency) {
  const std::pair<std::int64_t, const char*> kCases[] = {
      {0, "0ms"}, {47, "47ms"}, {999, "999ms"}, {1000, "1.0s"}, {1202, "1.2s"}, {61'000, "61.0s"}};
  for (const auto& [latency, text] : kCases)
    EXPECT_EQ(latency_text(latency), text);
}

TEST(FormatTest, AgoAndUntil) {
  struct Case {
    WallTime::duration distance;
    const char* ago;
    const char* until;
  };
  const Case kCases[] = {
      {seconds(0), "0s ago", "now"},      {milliseconds(4'941), "4s ago", "in 4s"},
      {seconds(59), "59s ago", "in 59s"}, {seconds(89), "1m ago", "in 1m"},
      {seconds(90), "2m ago", "in 2m"},   {seconds(3'599), "60m ago", "in 60m"},
      {hours(1), "1h ago", "in 1h"},      {hours(23) + minutes(59), "24h ago", "in 24h"},
      {hours(24), "1d ago", "in 1d"},     {hours(36), "2d ago", "in 2d"},
  };
  const WallTime now = WallTime() + hours(1000);
  for (const Case& entry : kCases) {
    EXPECT_EQ(ago_text(now - entry.distance, now), entry.ago);
    EXPECT_EQ(until_text(now + entry.distance, now), entry.until);
  }
  EXPECT_EQ(ago_text(std::nullopt, now), "never");
  EXPECT_EQ(ago_text(now + seconds(5), now), "0s ago");
  EXPECT_EQ(until_text(std::nullopt, now), "unknown");
  EXPECT_EQ(until_text(now - seconds(5), now), "now");
}

TEST(FormatTest, Uptime) {
  const std::pair<Duration, const char*> kCases[] = {
      {milliseconds(4'900), "4s"},        {minutes(12) + seconds(59), "12m"},
      {hours(3) + minutes(5), "3h 5m"},   {hours(23) + minutes(59), "23h 59m"},
      {hours(52) + minutes(30), "2d 4h"},
  };
  for (const auto& [uptime, text] : kCases)
    EXPECT_EQ(uptime_text(uptime), text);
}

TEST(FormatTest, DurationsOfGo) {
  const std::pair<nanoseconds, const char*> kCases[] = {
      {nanoseconds(0), "0s"},
      {nanoseconds(999), "999ns"},
      {nanoseconds(932'059), "932.059\xc2\xb5s"},
      {milliseconds(250), "250ms"},
      {milliseconds(42'900), "42s"},
      {seconds(63), "1m3s"},
      {seconds(3'723), "1h2m3s"},
      {seconds(3'600), "1h0m0s"},
  };
  for (const auto& [duration, text] : kCases)
    EXPECT_EQ(go_duration_text(duration), text);
}

TEST(FormatTest, TimesAreUtcWithTheirFraction) {
  const std::chrono::system_clock::time_point second{seconds(1'795'398'923)};
  EXPECT_EQ(time_text(second), "2026-11-23T01:55:23Z");
  EXPECT_EQ(time_text(second + nanoseconds(471'379'410)), "2026-11-23T01:55:23.47137941Z");
  EXPECT_EQ(time_text(second + nanoseconds(5)), "2026-11-23T01:55:23.000000005Z");
}

TEST(FormatTest, AMomentKnowsTheWallsTimeOfAnother) {
  const Moment moment{TimePoint() + hours(5),
                      std::chrono::system_clock::time_point(seconds(1'795'398'923))};
  EXPECT_EQ(time_text(moment.wall_at(moment.steady - seconds(23))), "2026-11-23T01:55:00Z");
}

TEST(FormatTest, UrlsAreShownWithoutSecrets) {
  EXPECT_EQ(shown_url("http://h:1/base?key=1#f"), "http://h:1/base");
  EXPECT_EQ(shown_url("http://user:pass@h:1/a@b"), "http://h:1/a@b");
  EXPECT_EQ(shown_url("http://h"), "http://h");
}

TEST(FormatTest, EndpointIdsAreOllas) {
  EXPECT_EQ(endpoint_id("http://127.0.0.1:41001"), "cxhv8w");
  EXPECT_EQ(endpoint_id("http://127.0.0.1:41002"), "drgobt");
  EXPECT_EQ(endpoint_id("http://127.0.0.1:41002/base"), "1dxpzhr");
  EXPECT_EQ(endpoint_id("http://a:b@127.0.0.1:41002/base?x#y"), "1dxpzhr");
}

TEST(FormatTest, EndpointsOfOneUrlAreToldApartByName) {
  const std::vector<NamedUrl> endpoints = {{"b", "http://127.0.0.1:41001"},
                                           {"c", "http://127.0.0.1:41002"},
                                           {"a", "http://127.0.0.1:41001?x"}};
  EXPECT_EQ(endpoint_ids(endpoints), (std::vector<std::string>{"cxhv8w-1", "drgobt", "cxhv8w-0"}));
}

}  // namespace
}  // namespace olla::admin
