#include "log/line.h"

#include <gtest/gtest.h>

#include <array>

namespace olla::log {
namespace {

const auto kTime = std::chrono::system_clock::time_point(std::chrono::milliseconds(1767409445678));

std::string make_line(config::LogFormat format, std::chrono::system_clock::time_point now,
                      config::LogLevel level, std::string_view message,
                      std::span<const Field> fields) {
  std::string out = "before ";
  append_line(format, now, level, message, fields, out);
  EXPECT_TRUE(out.starts_with("before "));
  return out.substr(7);
}

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

TEST(LogLineTest, WritesTheTimeOfEachLine) {
  using std::chrono::milliseconds;
  const auto begin = [](milliseconds time) {
    return make_line(config::LogFormat::kText, std::chrono::system_clock::time_point(time),
                     config::LogLevel::kInfo, "x", {})
        .substr(0, 24);
  };
  EXPECT_EQ(begin(milliseconds(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(begin(milliseconds(1767409445999)), "2026-01-03T03:04:05.999Z");
  EXPECT_EQ(begin(milliseconds(1767409446000)), "2026-01-03T03:04:06.000Z");
  EXPECT_EQ(begin(milliseconds(1767409446007)), "2026-01-03T03:04:06.007Z");
  EXPECT_EQ(begin(milliseconds(1767409445070)), "2026-01-03T03:04:05.070Z");  // A step back.
}

TEST(LogLineTest, WritesMilliseconds) {
  const auto number = [](double value) {
    const std::array<Field, 1> fields = {Field{"a", value}};
    const std::string line =
        make_line(config::LogFormat::kText, kTime, config::LogLevel::kInfo, "hello", fields);
    return line.substr(line.find("a=") + 2);
  };
  EXPECT_EQ(number(0), "0.000");
  EXPECT_EQ(number(0.0004), "0.000");
  EXPECT_EQ(number(0.0006), "0.001");
  EXPECT_EQ(number(0.9996), "1.000");
  EXPECT_EQ(number(12.034), "12.034");
  EXPECT_EQ(number(900000.5), "900000.500");
  EXPECT_EQ(number(-1.5), "-1.500");
  EXPECT_EQ(number(1e18), "1000000000000000000.000");
}

/// What follows "a=" in a line of text with this value.
std::string written(std::string_view value) {
  const std::array<Field, 1> fields = {Field{"a", value}};
  const std::string line =
      make_line(config::LogFormat::kText, kTime, config::LogLevel::kInfo, "hello", fields);
  return line.substr(line.find("a=") + 2);
}

TEST(LogLineTest, CutsALongTextAndSaysSo) {
  const std::string longest(kTextBytesMax, 'x');
  EXPECT_EQ(written(longest), longest);
  EXPECT_EQ(written(longest + "y"), longest + "...[cut]");
  EXPECT_EQ(written(std::string(std::size_t{1} << 20, 'x')), longest + "...[cut]");
  const std::string too_long = longest + "y";
  const std::array<Field, 1> fields = {Field{"a", std::string_view(too_long)}};
  const std::string json =
      make_line(config::LogFormat::kJson, kTime, config::LogLevel::kInfo, "hello", fields);
  EXPECT_TRUE(json.ends_with(":\"" + longest + "...[cut]\"}"));
}

TEST(LogLineTest, CutsBetweenTwoUtf8Sequences) {
  for (const std::string_view sequence : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
    for (std::size_t before = 0; before <= sequence.size(); ++before) {
      SCOPED_TRACE(testing::Message() << sequence << ", " << before << " bytes before the limit");
      const std::string head(kTextBytesMax - before, 'x');
      const std::string whole = before == sequence.size() ? std::string(sequence) : std::string();
      const std::string cut = head + whole + "...[cut]";
      EXPECT_EQ(written(head + std::string(sequence) + "tail"),
                whole.empty() ? cut : '"' + cut + '"');
    }
  }
}

TEST(LogLineTest, CutsBytesThatAreNoUtf8) {
  const std::string line = written(std::string(2 * kTextBytesMax, '\x80'));
  EXPECT_LE(line.size(), 3 * kTextBytesMax + 10);  // Each byte becomes U+FFFD.
  EXPECT_GE(line.size(), 3 * (kTextBytesMax - 3));
}

}  // namespace
}  // namespace olla::log
