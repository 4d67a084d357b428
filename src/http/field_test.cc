#include "http/field.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace olla::http {
namespace {

TEST(FieldTest, ComparesNamesWithoutCase) {
  EXPECT_TRUE(iequals("Content-Length", "content-LENGTH"));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_FALSE(iequals("@", "`"));  // Differ in the bit that makes letters lower case.
  EXPECT_TRUE(istarts_with("X-Olla-Endpoint", "x-olla-"));
  EXPECT_FALSE(istarts_with("X-Oll", "x-olla-"));
}

TEST(FieldTest, ComparesEveryByteOfANameOfAnySize) {
  const std::string letters = "x-Stainless-Retry-Count";
  for (std::size_t size = 0; size <= letters.size(); ++size) {
    const std::string name = letters.substr(0, size);
    for (std::size_t at = 0; at < size; ++at) {
      SCOPED_TRACE(testing::Message() << name << ", byte " << at);
      std::string other = name;
      other[at] = static_cast<char>(name[at] ^ 0x20);
      const bool is_letter = name[at] != '-';  // '-' becomes the character 0x0D.
      EXPECT_EQ(iequals(name, other), is_letter);
      other[at] = '~';
      EXPECT_FALSE(iequals(name, other));
    }
    EXPECT_TRUE(iequals(name, letters.substr(0, size)));
  }
}

TEST(FieldTest, KnowsTheBitsOfNames) {
  constexpr NameTable table(std::to_array<NamedBits>({{"via", 1}, {"te", 2}, {"x-model", 3}}));
  EXPECT_EQ(table.bits_of("Via"), 1u);
  EXPECT_EQ(table.bits_of("TE"), 2u);
  EXPECT_EQ(table.bits_of("X-Model"), 3u);
  EXPECT_EQ(table.bits_of("x-modem"), 0u);
  EXPECT_EQ(table.bits_of("vi"), 0u);
  EXPECT_EQ(table.bits_of(""), 0u);
  EXPECT_EQ(table.bits_of(std::string(100, 'x')), 0u);
}

TEST(FieldTest, FindsTheEndOfAValueAtEveryDistance) {
  for (std::size_t size = 0; size < 70; ++size) {
    const std::string value(size, '\xff');
    EXPECT_EQ(field_value_length(value), size);
    for (const char c : {'\r', '\n', '\0', '\x1f', '\x7f'})
      EXPECT_EQ(field_value_length(value + c + "more than sixteen bytes behind"), size);
    EXPECT_EQ(field_value_length(value + "\t "), size + 2);
  }
}

TEST(FieldTest, KnowsTokensAndValues) {
  EXPECT_TRUE(is_token("X-Api_Key.1"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("a b"));
  EXPECT_FALSE(is_token("a:"));
  EXPECT_FALSE(is_token("\xc3\xa9"));
  EXPECT_TRUE(is_field_value("a\tb \xff"));
  EXPECT_FALSE(is_field_value("a\rb"));
  EXPECT_FALSE(is_field_value("a\x7f"));
  EXPECT_TRUE(is_visible_ascii("!~"));
  EXPECT_FALSE(is_visible_ascii("a b"));
  EXPECT_FALSE(is_visible_ascii("\xc3\xa9"));
  EXPECT_FALSE(is_visible_ascii(""));
}

TEST(FieldTest, WalksListsAndSkipsEmptyElements) {
  ListWalker list(" a,, b\t,");
  std::vector<std::string> seen;
  while (const auto element = list.next())
    seen.emplace_back(*element);
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b"}));
}

TEST(FieldTest, FindsTheFirstFieldOfAName) {
  const std::vector<Field> fields = {{"A", "1"}, {"b", "2"}, {"B", "3"}};
  EXPECT_EQ(find_field(fields, "B"), "2");
  EXPECT_FALSE(find_field(fields, "C"));
}

/// As the RFC says it, one byte after the other.
bool plainly_equal(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [lower](char one, char other) { return lower(one) == lower(other); });
}

TEST(FieldTest, ComparesEachPairOfBytesAtEachPlaceOfEachSize) {
  for (std::size_t size = 1; size <= 20; ++size) {
    for (std::size_t place = 0; place < size; ++place) {
      std::string one(size, 'q');
      std::string other(size, 'Q');
      for (int a = 0; a < 256; ++a) {
        one[place] = static_cast<char>(a);
        // Those that differ in one bit, and some that do in more.
        for (const int mask : {0x00, 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x21, 0xA0}) {
          other[place] = static_cast<char>(a ^ mask);
          ASSERT_EQ(iequals(one, other), plainly_equal(one, other))
              << "size " << size << ", place " << place << ", " << a << " and " << (a ^ mask);
        }
      }
    }
  }
}

}  // namespace
}  // namespace olla::http
