#include "sim/output_parser.h"

#include <gtest/gtest.h>

namespace olla::sim {
namespace {

using Part = OutputParser::Part;

std::string shown(const OutputParser& parser) {
  std::string out = "[" + parser.reasoning() + "][" + parser.content() + "]";
  for (const WrittenCall& call : parser.calls()) {
    out += " " + call.name + "(" + call.arguments + ")";
  }
  return out;
}

struct Case {
  const char* text;
  OutputParser::Rules rules;
  const char* parsed;
};

constexpr OutputParser::Rules kThoughts{true, false, false};
constexpr OutputParser::Rules kCalls{false, true, false};
constexpr OutputParser::Rules kBoth{true, true, false};
constexpr OutputParser::Rules kStreamed{true, true, true};

// What a real server made of the first ones is recorded.
const Case kCases[] = {
    {"<think>\nTwo.\n</think>\n\n4.", kThoughts, "[\nTwo.\n][\n\n4.]"},
    {"<think>\nTwo.\n</think>\n\n4.", kCalls, "[][<think>\nTwo.\n</think>\n\n4.]"},
    {"No thought", kThoughts, "[No thought][]"},
    {"<think>\ncut", kThoughts, "[\ncut][]"},
    {"<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>", kThoughts,
     "[][<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>]"},
    {"A\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>", kBoth, "[A\n][] f({})"},
    {"A\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>", kStreamed,
     "[A\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>][]"},
    {"<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"}\\\"\"}}\n</tool_call>\n"
     "<tool_call>\n{\"name\": \"g\", \"arguments\": {\"b\":[1, {}] }}\n</tool_call>",
     kCalls, "[][] f({\"a\": \"}\\\"\"}) g({\"b\":[1, {}] })"},
    {"<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call><tool_call>\n{\"na", kCalls,
     "[][<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call><tool_call>\n{\"na]"},
    {"<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a", {false, true, true}, "[][] f({\"a)"},
    {"a < b <tool", kCalls, "[][a < b <tool]"},
    {"<tool_call>nothing</tool_call> after", kCalls, "[][ after]"},
    {"<tool_call>{\"name\": \"f\", \"arguments\": 7}</tool_call>", kCalls, "[][] f(7)"},
    {"", kBoth, "[][]"},
};

TEST(OutputParserTest, FindsThePartsHoweverTheTextIsCut) {
  for (const Case& each : kCases) {
    const std::string text = each.text;
    for (std::size_t size = 1; size <= text.size() + 1; ++size) {
      SCOPED_TRACE(text + " in pieces of " + std::to_string(size));
      OutputParser parser(each.rules);
      std::string told;
      for (std::size_t at = 0; at < text.size() || at == 0; at += size) {
        const bool last = at + size >= text.size();
        for (const Part& part : parser.feed(text.substr(at, size), last)) {
          EXPECT_FALSE(part.text.empty());
          told += part.text;
        }
      }
      EXPECT_EQ(shown(parser), each.parsed);
      if (parser.calls().empty() && each.rules.streamed) {
        EXPECT_EQ(told, text);
      }
    }
  }
}

TEST(OutputParserTest, TellsACallBeforeItsArguments) {
  OutputParser parser({false, true, true});
  EXPECT_TRUE(parser.feed("<tool_call>", false).empty());
  EXPECT_TRUE(parser.feed("\n{\"name\": ", false).empty());
  const auto call = parser.feed("\"f\"", false);
  ASSERT_EQ(call.size(), 1U);
  EXPECT_EQ(call[0].kind, Part::Kind::kCall);
  EXPECT_TRUE(parser.feed(", \"arguments\": ", false).empty());
  const auto first = parser.feed("{\"a\": ", false);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].text, "{\"a\":");
  const auto second = parser.feed("1}", false);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].text, " 1}");
  EXPECT_TRUE(parser.feed("}\n</tool_call>", true).empty());
}

}  // namespace
}  // namespace olla::sim
