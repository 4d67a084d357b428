#include "log/line.h"

#include <gtest/gtest.h>

#include <array>

namespace olla::log {
namespace {

const auto kTime = std::chrono::system_clock::time_point(std::chrono::milliseconds(1767409445678));

TEST(LogLineTest, WritesJson) {
  const std::array<Field, 3> fields = {
      Field{"name", std::string_view("a\"b\n")}, {"count", std::int64_t{-3}}, {"ms", 1.25}};
  EXPECT_EQ(make_line(config::LogFormat::kJson, kTime, config::LogLevel::kInfo, "hello", fields),
            R"({"timestamp":"2026-01-03T03:04:05.678Z","level":"info","msg":"hello",)"
            R"("name":"a\"b\n","count":-3,"ms":1.250})");
}

TEST(LogLineTest, WritesTextAndQuotesOnlyWhatNeedsIt) {
  const std::array<Field, 3> fields = {Field{"a", std::string_view("plain")},
                                       {"b", std::string_view("two words")},
                                       {"c", std::string_view("")}};
  EXPECT_EQ(make_line(config::LogFormat::kText, kTime, config::LogLevel::kWarn, "hello", fields),
            R"(2026-01-03T03:04:05.678Z WARN hello a=plain b="two words" c="")");
}

}  // namespace
}  // namespace olla::log
