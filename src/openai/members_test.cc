#include "openai/members.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

namespace olla::openai {
namespace {

using testing::ElementsAre;
using testing::Pair;

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Scan {
  Pairs members;
  bool malformed = false;
};

Scan scan(std::string_view json) {
  Scan result;
  MemberScanner scanner(json);
  Member member;
  while (scanner.next(member))
    result.members.emplace_back(member.key, member.value);
  result.malformed = scanner.malformed();
  return result;
}

struct Case {
  const char* name;
  std::string json;
  Pairs members;
  bool malformed = false;
};

const Case kCases[] = {
    {"empty object", "{}", {}},
    {"white space everywhere",
     " \t\r\n{ \"a\" :\n1 ,\t\"b\"\r: \"x\" } \n",
     {{"a", "1"}, {"b", "\"x\""}}},
    {"byte order mark", "\xEF\xBB\xBF{\"a\":1}", {{"a", "1"}}},
    {"every kind of value",
     R"({"a":null,"b":true,"c":-1.5e+3,"d":"s","e":[1],"f":{"g":2}})",
     {{"a", "null"},
      {"b", "true"},
      {"c", "-1.5e+3"},
      {"d", "\"s\""},
      {"e", "[1]"},
      {"f", "{\"g\":2}"}}},
    {"numbers that only Python reads",
     R"({"a":NaN,"b":-Infinity})",
     {{"a", "NaN"}, {"b", "-Infinity"}}},
    {"quotes and backslashes in strings",
     R"({"a":"\"","b":"\\","c":"\\\"","d":"x\\\\"})",
     {{"a", R"("\"")"}, {"b", R"("\\")"}, {"c", R"("\\\"")"}, {"d", R"("x\\\\")"}}},
    {"escapes in a key", R"({"\"k\u0065y\\":1})", {{R"(\"k\u0065y\\)", "1"}}},
    {"brackets in strings",
     R"({"a":["]}",{"k]":"{["}],"b":1})",
     {{"a", R"(["]}",{"k]":"{["}])"}, {"b", "1"}}},
    {"duplicates", R"({"a":1,"a":2})", {{"a", "1"}, {"a", "2"}}},
    {"brackets that do not match are skipped", R"({"a":[1}],"b":2})", {{"a", "[1}"}}, true},
    {"nothing", "", {}, true},
    {"an array", "[]", {}, true},
    {"cut off before a key", "{", {}, true},
    {"cut off in a key", R"({"a)", {}, true},
    {"cut off after a key", R"({"a")", {}, true},
    {"cut off before a value", R"({"a":)", {}, true},
    {"cut off in a string", R"({"a":1,"b":"x)", {{"a", "1"}}, true},
    {"cut off in an escape", R"({"a":1,"b":"x\")", {{"a", "1"}}, true},
    {"cut off in an array", R"({"a":1,"b":[[1])", {{"a", "1"}}, true},
    {"cut off after a value", R"({"a":1)", {{"a", "1"}}, true},
    {"no colon", R"({"a" 1})", {}, true},
    {"no comma", R"({"a":1 "b":2})", {{"a", "1"}}, true},
    {"comma at the end", R"({"a":1,})", {{"a", "1"}}, true},
    {"comma at the start", R"({,"a":1})", {}, true},
    {"key without quotes", R"({a:1})", {}, true},
    {"no value", R"({"a":,"b":1})", {}, true},
    {"quote in a word", R"({"a":tr"ue","b":1})", {{"a", "tr"}}, true},
    {"more behind the object", R"({"a":1} x)", {{"a", "1"}}, true},
};

TEST(MemberScannerTest, WalksEveryCase) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const Scan result = scan(c.json);
    EXPECT_EQ(result.members, c.members);
    EXPECT_EQ(result.malformed, c.malformed);
  }
}

TEST(MemberScannerTest, ViewsPointIntoTheText) {
  const std::string json = "\xEF\xBB\xBF {\"model\": \"tiny\"}";
  MemberScanner scanner(json);
  Member member;
  ASSERT_TRUE(scanner.next(member));
  EXPECT_EQ(member.key.data(), json.data() + json.find("model"));
  EXPECT_EQ(member.value.data(), json.data() + json.find("\"tiny\""));
}

TEST(MemberScannerTest, StaysAtTheEnd) {
  for (const char* json : {"{}", "[", "{\"a\":1}"}) {
    MemberScanner scanner(json);
    Member member;
    while (scanner.next(member)) {
    }
    const bool malformed = scanner.malformed();
    EXPECT_FALSE(scanner.next(member));
    EXPECT_EQ(scanner.malformed(), malformed);
  }
}

TEST(MemberScannerTest, DeepNestingNeedsNoStack) {
  constexpr std::size_t kDepth = 2'000'000;
  const std::string deep = std::string(kDepth, '[') + std::string(kDepth, ']');
  const Scan result = scan("{\"a\":" + deep + ",\"b\":1}");
  EXPECT_FALSE(result.malformed);
  ASSERT_EQ(result.members.size(), 2u);
  EXPECT_EQ(result.members[0].second.size(), deep.size());
}

// The inner searches read 16 bytes at a time: every offset and length around that is tried.
TEST(MemberScannerTest, FindsTheEndAtEveryDistance) {
  for (std::size_t before = 0; before < 40; ++before) {
    for (std::size_t length = 0; length < 70; ++length) {
      const std::string text = "\"" + std::string(length, 'x') + "\\\"\"";
      const std::string array = "[" + std::string(length, ' ') + text + "]";
      const std::string json =
          std::string(before, ' ') + "{\"s\":" + text + ",\"l\":" + array + "}";
      const Scan result = scan(json);
      ASSERT_FALSE(result.malformed) << json;
      ASSERT_THAT(result.members, ElementsAre(Pair("s", text), Pair("l", array)));
    }
  }
}

// Builds a random document, and checks the scanner against a full parser.
TEST(MemberScannerTest, AgreesWithAParserOnRandomDocuments) {
  constexpr std::uint64_t kSeed = 20;
  Random random(kSeed);
  const auto text = [&random] {
    static constexpr std::string_view kBytes = "ab\"\\[]{}:, \n\t\x01";
    std::string out;
    for (std::uint64_t i = random.below(40); i > 0; --i)
      out += kBytes[random.below(kBytes.size())];
    return out;
  };
  for (int round = 0; round < 2000; ++round) {
    nlohmann::ordered_json document = nlohmann::ordered_json::object();
    for (std::uint64_t i = random.below(6); i > 0; --i) {
      nlohmann::ordered_json value = text();
      for (std::uint64_t nest = random.below(4); nest > 0; --nest) {
        nlohmann::ordered_json outer;
        if (random.below(2) == 0) {
          outer.push_back(std::move(value));
          outer.push_back(random.next());
        } else {
          outer[text()] = std::move(value);
        }
        value = std::move(outer);
      }
      document[text()] = std::move(value);
    }
    const std::string json = document.dump(random.below(2) == 0 ? -1 : 2);
    const Scan result = scan(json);
    ASSERT_FALSE(result.malformed) << json;
    ASSERT_EQ(result.members.size(), document.size()) << json;
    auto member = result.members.begin();
    for (const auto& [key, value] : document.items()) {
      EXPECT_EQ(nlohmann::json::parse("\"" + member->first + "\""), key) << json;
      EXPECT_EQ(nlohmann::ordered_json::parse(member->second), value) << json;
      ++member;
    }
  }
}

TEST(CountElementsTest, CountsAtTopLevelOnly) {
  EXPECT_EQ(count_elements("[]"), 0u);
  EXPECT_EQ(count_elements("[ ]"), 0u);
  EXPECT_EQ(count_elements("[1]"), 1u);
  EXPECT_EQ(count_elements("[1, [2, 3], {\"a\": 4, \"b\": 5}, \"6,7\", null]"), 5u);
  EXPECT_EQ(count_elements("["), 0u);
  EXPECT_EQ(count_elements("[1,2"), 2u);
  EXPECT_EQ(count_elements("[1,\"2"), 1u);
}

TEST(ElementScannerTest, YieldsTheElementsAsTheyAreWritten) {
  const auto elements_of = [](std::string_view json) {
    ElementScanner scanner(json);
    std::vector<std::string> elements;
    std::string_view element;
    while (scanner.next(element))
      elements.emplace_back(element);
    EXPECT_FALSE(scanner.next(element)) << json;
    if (scanner.malformed()) elements.emplace_back("broken");
    return elements;
  };
  using Elements = std::vector<std::string>;
  EXPECT_EQ(elements_of("[]"), Elements());
  EXPECT_EQ(elements_of("[ ] x"), Elements());
  EXPECT_EQ(elements_of("[ \"a,]\" ,[[1] ] , {\"b\":[]},null ]"),
            Elements({"\"a,]\"", "[[1] ]", "{\"b\":[]}", "null"}));
  for (const char* broken : {"[", "[ ,", "[}"})
    EXPECT_EQ(elements_of(broken), Elements({"broken"})) << broken;
  for (const char* broken : {"[1", "[1 2]", "[1,]", "[1}", "[1,[2"})
    EXPECT_EQ(elements_of(broken), Elements({"1", "broken"})) << broken;
}

}  // namespace
}  // namespace olla::openai
