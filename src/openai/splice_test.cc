#include "openai/splice.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace olla::openai {
namespace {

std::string removed(std::string_view json, std::string_view key) {
  MemberEdits edits;
  edits.remove(key);
  return edits.apply(json).value_or("nothing");
}

std::string set(std::string_view json, std::string_view key, std::string value) {
  MemberEdits edits;
  edits.set(key, std::move(value));
  return edits.apply(json).value_or("nothing");
}

TEST(MemberEditsTest, RemovesAMemberWithItsComma) {
  EXPECT_EQ(removed(R"({"a":1,"b":2,"c":3})", "a"), R"({"b":2,"c":3})");
  EXPECT_EQ(removed(R"({"a":1,"b":2,"c":3})", "b"), R"({"a":1,"c":3})");
  EXPECT_EQ(removed(R"({"a":1,"b":2,"c":3})", "c"), R"({"a":1,"b":2})");
  EXPECT_EQ(removed(R"({"a":1})", "a"), R"({})");
  EXPECT_EQ(removed("{ \"a\" : 1 ,\n \"b\" : 2 }", "a"), "{ \"b\" : 2 }");
  EXPECT_EQ(removed("{ \"a\" : 1 ,\n \"b\" : 2 }", "b"), "{ \"a\" : 1 }");
  EXPECT_EQ(removed(R"({"a":1})", "b"), R"({"a":1})");
}

TEST(MemberEditsTest, RemovesEveryMemberWithTheKey) {
  EXPECT_EQ(removed(R"({"a":1,"a":2,"b":3,"a":4})", "a"), R"({"b":3})");
  EXPECT_EQ(removed(R"({"a":1, "a":2})", "a"), R"({})");
  EXPECT_EQ(removed(R"({"b":1,"a":2,"a":3})", "a"), R"({"b":1})");
  EXPECT_EQ(removed(R"({"b":1,"\u0061":2,"c":3})", "a"), R"({"b":1,"c":3})");
}

TEST(MemberEditsTest, SetsAValueInPlaceOrBehindTheLastMember) {
  EXPECT_EQ(set(R"({"a": 1, "b":2})", "a", "[7]"), R"({"a": [7], "b":2})");
  EXPECT_EQ(set("{\"a\":1 }\n", "b", "2"), "{\"a\":1,\"b\":2 }\n");
  EXPECT_EQ(set("{ }", "b", "2"), R"({"b":2 })");
  EXPECT_EQ(set("\xEF\xBB\xBF {}", "b", "2"), "\xEF\xBB\xBF {\"b\":2}");
  EXPECT_EQ(set(R"({"a\nb":1})", "a\nb", "2"), R"({"a\nb":2})");
  EXPECT_EQ(set("{}", "a\nb", "2"), R"({"a\nb":2})");
}

TEST(MemberEditsTest, LeavesNoEarlierDuplicateBehind) {
  EXPECT_EQ(set(R"({"a":1,"x":0,"a":2,"y":0})", "a", "3"), R"({"x":0,"a":3,"y":0})");
  MemberEdits edits;
  edits.rename("a", "z");
  EXPECT_EQ(edits.apply(R"({"a":1,"a":2})"), R"({"z":2})");
}

TEST(MemberEditsTest, ReplacesAMemberInItsPlace) {
  MemberEdits edits;
  edits.replace("b", "new", "true");
  EXPECT_EQ(edits.apply(R"({"a":1, "b" : 2 ,"c":3})"), R"({"a":1, "new" : true ,"c":3})");
  EXPECT_EQ(edits.apply(R"({"a":1})"), R"({"a":1,"new":true})");
}

TEST(MemberEditsTest, RenamesAMemberAndLeavesItsValue) {
  MemberEdits edits;
  edits.rename("b", "new");
  EXPECT_EQ(edits.apply(R"({"a":1,"b":{"b":[ 2 ]}})"), R"({"a":1,"new":{"b":[ 2 ]}})");
  EXPECT_EQ(edits.apply(R"({"a":1})"), R"({"a":1})");
}

TEST(MemberEditsTest, MakesSeveralEditsInOnePass) {
  MemberEdits edits;
  edits.remove("a");
  edits.set("b", "20");
  edits.rename("c", "C");
  edits.set("d", "4");
  edits.replace("e", "E", "5");
  EXPECT_EQ(edits.apply(R"({"a":1,"b":2,"c":3})"), R"({"b":20,"C":3,"d":4,"E":5})");
  EXPECT_EQ(edits.apply(R"({"c":3,"a":1,"e":0,"a":2})"), R"({"C":3,"E":5,"b":20,"d":4})");
  EXPECT_EQ(edits.apply(R"({"a":1})"), R"({"b":20,"d":4,"E":5})");
}

TEST(MemberEditsTest, TakesTheLastOfTwoEditsOfOneKey) {
  MemberEdits edits;
  EXPECT_TRUE(edits.empty());
  edits.set("a", "2");
  edits.remove("a");
  EXPECT_FALSE(edits.empty());
  EXPECT_EQ(edits.apply(R"({"a":1,"b":2})"), R"({"b":2})");
}

TEST(MemberEditsTest, DoesNotEditWhatIsNotOneWholeObject) {
  MemberEdits edits;
  edits.set("a", "1");
  for (const std::string_view json : {"", "[]", "null", "{", R"({"a":1)", R"({"a":1}})", "{\"a\"}"})
    EXPECT_FALSE(edits.apply(json).has_value()) << json;
}

TEST(WithModelTest, CorrectsTheModelAlone) {
  EXPECT_EQ(with_model(R"({"model":"x","model" : "Llama","n":1})", "llama"),
            R"({"model" : "llama","n":1})");
  EXPECT_EQ(with_model(R"({"model":"x"})", "a\"b"), R"({"model":"a\"b"})");
  EXPECT_FALSE(with_model("no object", "llama").has_value());
  const std::string head = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n";
  EXPECT_EQ(with_model(head + "Whisper\r\n--b--\r\n", "whisper"), head + "whisper\r\n--b--\r\n");
}

// A random member list, with white space, duplicates and values that hold all that could mislead.
struct RandomObject {
  std::string json;
  std::vector<std::pair<std::string, std::string>> members;  // The key, and the value's bytes.
};

RandomObject random_object(std::mt19937& random) {
  static const std::vector<std::string> kKeys = {"a", "b", "prompt", "x,y", "{"};
  static const std::vector<std::string> kValues = {
      "1", "null", R"("a, \"b\": }")", R"({ "a" : [1, 2] })", "[]", R"("\\")", "-1.5e3", "true"};
  static const std::vector<std::string> kSpaces = {"", " ", "\n\t", "  "};
  const auto pick = [&random](const std::vector<std::string>& from) {
    return from[random() % from.size()];
  };
  RandomObject object;
  object.json = pick(kSpaces) + "{" + pick(kSpaces);
  const std::size_t count = random() % 6;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) object.json += pick(kSpaces) + "," + pick(kSpaces);
    object.members.emplace_back(pick(kKeys), pick(kValues));
    object.json += '"' + object.members.back().first + '"' + pick(kSpaces) + ":" + pick(kSpaces) +
                   object.members.back().second;
  }
  object.json += pick(kSpaces) + "}" + pick(kSpaces);
  return object;
}

TEST(MemberEditsTest, KeepsEveryOtherMemberByteForByteInRandomObjects) {
  std::mt19937 random(20240607);  // NOLINT(cert-msc51-cpp): the same objects every time.
  for (int round = 0; round < 5000; ++round) {
    const RandomObject object = random_object(random);
    SCOPED_TRACE(testing::Message() << "round " << round << ": " << object.json);
    MemberEdits edits;
    edits.remove("a");
    edits.replace("b", "B", "[9]");
    const auto edited = edits.apply(object.json);
    ASSERT_TRUE(edited.has_value());
    ASSERT_TRUE(nlohmann::json::accept(*edited)) << *edited;

    std::size_t position = 0;
    std::size_t kept = 0;
    for (const auto& [key, value] : object.members) {
      if (key == "a" || key == "b") continue;
      ++kept;
      position = edited->find('"' + key + '"', position);
      ASSERT_NE(position, std::string::npos) << *edited;
      position = edited->find(value, position);
      ASSERT_NE(position, std::string::npos) << *edited;
      position += value.size();
    }
    std::size_t members = 0;
    const auto count = [&members](int depth, nlohmann::json::parse_event_t event, nlohmann::json&) {
      if (depth == 1 && event == nlohmann::json::parse_event_t::key) ++members;
      return true;
    };
    const auto document = nlohmann::json::parse(*edited, count);
    EXPECT_EQ(members, kept + 1) << *edited;
    EXPECT_FALSE(document.contains("a"));
    EXPECT_FALSE(document.contains("b"));
    EXPECT_EQ(document["B"], nlohmann::json::array({9}));
  }
}

}  // namespace
}  // namespace olla::openai
