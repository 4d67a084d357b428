#include "openai/model_rewriter.h"

#include <gtest/gtest.h>

namespace olla::openai {
namespace {

struct Case {
  const char* name;
  bool event_stream;
  std::string_view before;
  std::string_view after;
};

// clang-format off
const Case kCases[] = {
    {"a chat", false, R"({"id":"x", "model" : "m1","choices":[]})",
     R"({"id":"x", "model" : "a\"b","choices":[]})"},
    {"the first member", false, "{\"model\":\n\"m1\"}", "{\"model\":\n\"a\\\"b\"}"},
    {"an escaped name", false, R"({"model":"m\"\\1","x":1})", R"({"model":"a\"b","x":1})"},
    {"an empty name", false, R"({"model":""})", R"({"model":"a\"b"})"},
    {"twice", false, R"({"model":"x","model":"y"})", R"({"model":"a\"b","model":"a\"b"})"},
    {"deeper ones are not meant", false,
     R"({"choices":[{"model":"x"}],"usage":{"model":"x"},"a":[{"message":{"model":"x"}}]})",
     R"({"choices":[{"model":"x"}],"usage":{"model":"x"},"a":[{"message":{"model":"x"}}]})"},
    {"nor text that looks like it", false,
     R"({"text":"\"model\":\"x\"","model_x":"y","xmodel":"y","model ":"y","k":"model"})",
     R"({"text":"\"model\":\"x\"","model_x":"y","xmodel":"y","model ":"y","k":"model"})"},
    {"nor what is no string", false,
     R"({"model":null,"Model":"y","model":{"model":"x"},"model":["x"]})",
     R"({"model":null,"Model":"y","model":{"model":"x"},"model":["x"]})"},
    {"nor in a list at the top", false, R"([{"model":"x"},"model","x"])",
     R"([{"model":"x"},"model","x"])"},
    {"behind other values", false, R"({"a":[1,{"b":[]}],"c":{"d":{}},"e":-1.5e3,"model":"m"})",
     R"({"a":[1,{"b":[]}],"c":{"d":{}},"e":-1.5e3,"model":"a\"b"})"},
    {"in a message and a response", false,
     R"({"message":{"id":1,"model":"m","message":{"model":"x"}},"response":{"model":"m"}})",
     R"({"message":{"id":1,"model":"a\"b","message":{"model":"x"}},"response":{"model":"a\"b"}})"},
    {"events", true,
     "data: {\"model\":\"m\",\"x\":\"data: \"}\n\ndata: {\"model\":\"m\"}\r\n\r\ndata: [DONE]\n\n",
     "data: {\"model\":\"a\\\"b\",\"x\":\"data: \"}\n\ndata: {\"model\":\"a\\\"b\"}\r\n\r\n"
     "data: [DONE]\n\n"},
    {"events with types and comments", true,
     ": {\"model\":\"x\"}\nevent: message_start\ndata:{\"type\":\"message_start\",\"message\":"
     "{\"model\":\"m\"}}\n\nid: {\"model\":\"x\"}\ndatb: {\"model\":\"x\"}\n\n",
     ": {\"model\":\"x\"}\nevent: message_start\ndata:{\"type\":\"message_start\",\"message\":"
     "{\"model\":\"a\\\"b\"}}\n\nid: {\"model\":\"x\"}\ndatb: {\"model\":\"x\"}\n\n"},
    {"an event that is broken does no harm to the next", true,
     "data: {\"a\":[\"{\n\ndata: {\"model\":\"m\n\ndata: {\"model\":\"m\"}\n\n",
     "data: {\"a\":[\"{\n\ndata: {\"model\":\"a\\\"b\"\n\ndata: {\"model\":\"a\\\"b\"}\n\n"},
    {"no JSON", false, "]}}\"model\":\"x\"", "]}}\"model\":\"x\""},
    {"nothing", false, "", ""},
};
// clang-format on

TEST(ModelRewriterTest, RewritesWhereverTheBytesAreCut) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    for (std::size_t cut = 0; cut <= c.before.size(); ++cut) {
      ModelRewriter rewriter("a\"b", c.event_stream);
      std::string out;
      rewriter.feed(c.before.substr(0, cut), out);
      rewriter.feed(c.before.substr(cut), out);
      ASSERT_EQ(out, c.after) << "cut at " << cut;
    }
    ModelRewriter rewriter("a\"b", c.event_stream);
    std::string out;
    for (std::size_t i = 0; i < c.before.size(); ++i)
      rewriter.feed(c.before.substr(i, 1), out);
    EXPECT_EQ(out, c.after) << "byte by byte";
  }
}

}  // namespace
}  // namespace olla::openai
