#include "sim/json_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace olla::sim {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string number(double value) {
  std::string out;
  append_json_number(out, value);
  return out;
}

TEST(JsonTextTest, EscapesWhatJsonNeedsAndNothingElse) {
  EXPECT_EQ(quoted("a \"b\" \\ \n\t\x15"), R"("a \"b\" \\ \n\t\u0015")");
  EXPECT_EQ(quoted("\x7f \xC3\xBC \xF0\x9F\x98\x80"), "\"\x7f \xC3\xBC \xF0\x9F\x98\x80\"");
}

TEST(JsonTextTest, ReplacesBytesThatAreNoUtf8) {
  for (const std::string_view bytes :
       {"\xFF", "\xC3", "\x80", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE4\xB8"}) {
    const auto parsed = nlohmann::json::parse(quoted(bytes), nullptr, false);
    ASSERT_FALSE(parsed.is_discarded());
    EXPECT_TRUE(parsed.get<std::string>().starts_with("\xEF\xBF\xBD"));
    EXPECT_FALSE(is_utf8(bytes));
  }
  EXPECT_TRUE(is_utf8("\xE4\xB8\x96 \xF0\x9F\x98\x80 a"));
}

TEST(JsonTextTest, WritesNumbersAsPythonDoes) {
  EXPECT_EQ(number(5), "5.0");
  EXPECT_EQ(number(-0.5), "-0.5");
  EXPECT_EQ(number(static_cast<double>(-4.138425350189209F)), "-4.138425350189209");
}

TEST(JsonTextTest, QuotesStringsAsPythonDoes) {
  EXPECT_EQ(python_repr("a"), "'a'");
  EXPECT_EQ(python_repr("it's"), "\"it's\"");
  EXPECT_EQ(python_repr("'\""), "'\\'\"'");
  EXPECT_EQ(python_repr("a\n\\"), "'a\\n\\\\'");
}

TEST(JsonTextTest, ShowsValuesAsPythonDoes) {
  using nlohmann::json;
  EXPECT_EQ(python_value({{"a", {1, true, nullptr, 2.5}}, {"b", "it's"}}),
            "{'a': [1, True, None, 2.5], 'b': \"it's\"}");
  EXPECT_EQ(python_value(json::object()), "{}");
  json deep;
  for (int i = 0; i < 100; ++i) {
    deep = json::array({deep});
  }
  EXPECT_NE(python_value(deep).find("[...]"), std::string::npos);
}

}  // namespace
}  // namespace olla::sim
