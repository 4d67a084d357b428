#include "openai/request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace olla::openai {
namespace {

TEST(InspectRequestTest, FindsTheModelOfAForm) {
  const RequestFacts facts = inspect_request(
      "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b--\r\n");
  EXPECT_EQ(facts.kind, BodyKind::kNotJson);
  EXPECT_EQ(facts.model, "whisper-1");
}

TEST(TextMemberTest, IsTheLastOfThatName) {
  EXPECT_EQ(text_member(R"({"a":"x","previous_response_id":"resp_1"})", "previous_response_id"),
            "resp_1");
  EXPECT_EQ(text_member(R"({"a":"x","\u0061":"y"})", "a"), "y");
  EXPECT_EQ(text_member(R"({"a":"x","a":null})", "a"), std::nullopt);
  EXPECT_EQ(text_member(R"({"a":1})", "a"), std::nullopt);
  EXPECT_EQ(text_member("[]", "a"), std::nullopt);
}

TEST(InspectRequestTest, TellsTheKindsOfBodyApart) {
  const std::pair<std::string, BodyKind> cases[] = {
      {"{}", BodyKind::kObject},
      {" \n\t\r{", BodyKind::kObject},
      {"\xEF\xBB\xBF{}", BodyKind::kObject},
      {"{broken", BodyKind::kObject},
      {"", BodyKind::kEmpty},
      {"null", BodyKind::kNull},
      {" null ", BodyKind::kNull},
      {"[]", BodyKind::kArray},
      {"[", BodyKind::kArray},
      {"\"text\"", BodyKind::kString},
      {"0", BodyKind::kNumber},
      {"-1", BodyKind::kNumber},
      {"NaN", BodyKind::kNumber},
      {"Infinity", BodyKind::kNumber},
      {"-Infinity", BodyKind::kNumber},
      {"true", BodyKind::kBoolean},
      {"false", BodyKind::kBoolean},
      {"   ", BodyKind::kNotJson},
      {"\xEF\xBB\xBF", BodyKind::kNotJson},
      {"hello", BodyKind::kNotJson},
      {"-", BodyKind::kNotJson},
      {"nul", BodyKind::kNotJson},
      {"True", BodyKind::kNotJson},
      {"}", BodyKind::kNotJson},
      {"model=tiny", BodyKind::kNotJson},
      {"\x1F\x8B\x08", BodyKind::kNotJson},
      {std::string(1, '\0'), BodyKind::kNotJson},
  };
  for (const auto& [body, kind] : cases)
    EXPECT_EQ(inspect_request(body).kind, kind) << body;
}

TEST(InspectRequestTest, SaysWhereAValueShouldBegin) {
  EXPECT_EQ(inspect_request("hello").error_offset, 0u);
  EXPECT_EQ(inspect_request(" \n hello").error_offset, 3u);
  EXPECT_EQ(inspect_request("  ").error_offset, 2u);
  EXPECT_EQ(inspect_request("\xEF\xBB\xBF hello").error_offset, 1u);
}

struct Case {
  const char* name;
  std::string body;
  std::optional<std::string> model;
  bool stream = false;
};

const Case kCases[] = {
    {"a chat", R"({"model":"tiny","messages":[{"role":"user","content":"hi"}],"stream":true})",
     "tiny", true},
    {"model behind the messages", R"({"messages":[],"stream":false,"model":"tiny"})", "tiny"},
    {"only top level counts", R"({"x":{"model":"a","stream":true},"y":[{"model":"b"}]})", {}},
    {"text that looks like members",
     R"({"prompt":"\",\"model\":\"evil\",\"stream\":true","model":"tiny"})", "tiny"},
    {"last duplicate wins", R"({"model":"nope","stream":true,"model":"tiny","stream":false})",
     "tiny"},
    {"last duplicate wins, also when null", R"({"model":"nope","model":null})", {}},
    {"escapes in the name", R"({"model":"a\/b\u00e9\ud83d\ude00"})", "a/b\xC3\xA9\xF0\x9F\x98\x80"},
    {"escapes in the keys", R"({"mod\u0065l":"tiny","\u0073tream":true})", "tiny", true},
    {"bad escape in the name", R"({"model":"a\x"})", {}},
    {"bad escape in a key", R"({"model\x":"a"})", {}},
    {"name is empty", R"({"model":""})", ""},
    {"name is null", R"({"model":null})", {}},
    {"name is a number", R"({"model":5})", {}},
    {"name is an array", R"({"model":["tiny"]})", {}},
    {"keys are case-sensitive", R"({"Model":"tiny","STREAM":true})", {}},
    {"byte order mark", "\xEF\xBB\xBF{\"model\":\"tiny\"}", "tiny"},
    {"cut off behind the name", R"({"model":"tiny","messages":[)", "tiny"},
    {"cut off in the name", R"({"model":"ti)", {}},
    {"stream as a number", R"({"stream":1})", {}, true},
    {"stream as a fraction", R"({"stream":1.0})", {}, true},
    {"stream as a word", R"({"stream":"Yes"})", {}, true},
    {"stream as a word that says no", R"({"stream":"off"})", {}},
    {"stream as another number", R"({"stream":0})", {}},
    {"stream is null", R"({"stream":true,"stream":null})", {}},
    {"stream as a word that says nothing", R"({"stream":"truest"})", {}},
};

TEST(InspectRequestTest, ReadsModelAndStream) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const RequestFacts facts = inspect_request(c.body);
    EXPECT_EQ(facts.kind, BodyKind::kObject);
    EXPECT_EQ(facts.model, c.model);
    EXPECT_EQ(facts.stream, c.stream);
  }
}

TEST(DecodeJsonStringTest, KnowsEveryEscape) {
  EXPECT_EQ(decode_json_string(R"(\"\\\/\b\f\n\r\t)"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(decode_json_string(R"(\u0041\u00DF\u20ac\uD834\udd1e)"),
            "A\xC3\x9F\xE2\x82\xAC\xF0\x9D\x84\x9E");
  EXPECT_EQ(decode_json_string(R"(\u0000)"), std::string(1, '\0'));
  EXPECT_EQ(decode_json_string("caf\xC3\xA9"), "caf\xC3\xA9");
  EXPECT_EQ(decode_json_string(""), "");
}

TEST(DecodeJsonStringTest, RefusesWhatIsBroken) {
  for (const char* raw :
       {"\\", "a\\", "\\x", "\\u", "\\u12", "\\u12g4", "\\ud800", "\\ud800x", "\\ud800\\n",
        "\\ud800\\u0041", "\\ud800\\u", "\\udc00", "a\"b", "a\nb", "\x01"})
    EXPECT_EQ(decode_json_string(raw), std::nullopt) << raw;
}

TEST(JsonQuotedTest, EscapesWhatJsonMustEscape) {
  EXPECT_EQ(json_quoted("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(json_quoted("\b\f\n\r\t\x01\x1F\x7F"), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\"");
  EXPECT_EQ(json_quoted(std::string_view("\0", 1)), R"("\u0000")");
}

TEST(JsonQuotedTest, ReplacesInvalidUtf8) {
  const std::string valid = "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF\xEE\x80\x80";
  EXPECT_EQ(json_quoted(valid), "\"" + valid + "\"");
  const std::string mark = "\xEF\xBF\xBD";
  const std::pair<std::string, int> cases[] = {
      {"\xFF", 1},              // no lead byte
      {"\x80", 1},              // a continuation byte alone
      {"\xC3", 1},              // cut off
      {"\xC0\xAF", 2},          // too long for what it says
      {"\xE0\x80\x80", 3},      // too long, three bytes
      {"\xF0\x80\x80\x80", 4},  // too long, four bytes
      {"\xED\xA0\x80", 3},      // a surrogate
      {"\xF4\x90\x80\x80", 4},  // beyond the last code point
      {"\xE2\x82", 2},          // cut off after two bytes
  };
  for (const auto& [bytes, marks] : cases) {
    std::string expected = "\"a";
    for (int i = 0; i < marks; ++i)
      expected += mark;
    EXPECT_EQ(json_quoted("a" + bytes + "b"), expected + "b\"");
  }
}

TEST(JsonQuotedTest, IsUndoneByDecoding) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 128; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second), '"'};
      const std::string quoted = json_quoted(text);
      ASSERT_TRUE(nlohmann::json::accept(quoted)) << quoted;
      if (first < 128) {
        ASSERT_EQ(decode_json_string(quoted.substr(1, quoted.size() - 2)), text) << quoted;
      }
    }
  }
}

TEST(InspectRequestTest, RemembersWhichKeysThereAre) {
  const auto keys = [](std::string_view body) { return inspect_request(body).keys; };
  EXPECT_TRUE(keys(R"({"model":"m","best_of":2})").may_have("best_of"));
  EXPECT_FALSE(keys(R"({"model":"m","messages":[{"best_of":2}]})").may_have("best_of"));
  EXPECT_TRUE(keys(R"({"b\u0065st_of":2})").may_have("best_of"));
  EXPECT_FALSE(keys("{}").may_have("best_of"));
  EXPECT_FALSE(keys("[1]").may_have("best_of"));
}

}  // namespace
}  // namespace olla::openai
