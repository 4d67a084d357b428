#include "http/field.h"

#include <gtest/gtest.h>

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

TEST(FieldTest, LooksForNamesInASet) {
  constexpr NameSet kSet(std::to_array<std::string_view>({"host", "via", "te"}));
  EXPECT_TRUE(kSet.has("HOST"));
  EXPECT_TRUE(kSet.has("Te"));
  EXPECT_FALSE(kSet.has("vis"));
  EXPECT_FALSE(kSet.has("hosts"));
  EXPECT_FALSE(kSet.has(""));
  EXPECT_FALSE(kSet.has(std::string(66, 'x')));  // 64 more than a size that is in the set.
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

}  // namespace
}  // namespace olla::http
