// Calls of tools and thoughts, as a server with parsers tells them in all its forms.

#include "sim/tools.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "sim/api.h"

namespace olla::sim {
namespace {

using nlohmann::json;

constexpr std::string_view kChat = "/v1/chat/completions";

json function(const std::string& name, const json& properties, const json& required) {
  const json schema = {{"type", "object"}, {"properties", properties}, {"required", required}};
  return {{"type", "function"}, {"function", {{"name", name}, {"parameters", schema}}}};
}

json both_tools() {
  const json weather = {{"city", {{"type", "string"}}}, {"days", {{"type", "integer"}}}};
  return {function("get_weather", weather, {"city"}),
          function("get_time", {{"zone", {{"type", "string"}}}}, {"zone"})};
}

json chat(const std::string& text) {
  return {{"messages", {{{"role", "user"}, {"content", text}}}}, {"max_tokens", 200}};
}

json chat_with(const std::string& text, const json& tools) {
  json out = chat(text);
  out["tools"] = tools;
  return out;
}

class ToolsTest : public testing::Test {
 protected:
  /// The body of an answer, or the events of a stream, without ids and times.
  static std::string ask(const ParserFlags& flags, std::string_view target, const json& body,
                         const char* version = "0.32.0") {
    ApiOptions options;
    options.models = {"tiny"};
    options.version = version;
    options.parsers = flags;
    Api api(options, {});
    const std::string text = body.dump();
    Reply reply = api.handle({"POST", target, "sim", "application/json", {}, text}, {});
    if (const auto* answer = std::get_if<Answer>(&reply)) return answer->body;
    auto& generation = *std::get<std::unique_ptr<Generation>>(reply);
    api.advance(TimePoint(std::chrono::hours(1)));
    std::string out;
    if (!generation.streamed()) out = generation.answer().body;
    while (const auto event = generation.take_event()) {
      out += *event;
    }
    api.leave(generation, {});
    return std::regex_replace(out, std::regex("[0-9a-f]{16,32}"), "ID");
  }

  static json answer(const ParserFlags& flags, const json& body, const char* version = "0.32.0") {
    return json::parse(ask(flags, kChat, body, version));
  }

  /// What the events of a chat's only choice add, and how it ends.
  static std::vector<std::string> deltas(const ParserFlags& flags, json body) {
    body["stream"] = true;
    std::vector<std::string> out;
    const std::string events = ask(flags, kChat, body);
    const std::regex delta("\"delta\":(.*?),\"logprobs\":null,\"finish_reason\":(.*?)[,}]");
    for (std::sregex_iterator at(events.begin(), events.end(), delta), end; at != end; ++at) {
      out.push_back((*at)[2] == "null" ? (*at)[1].str() : (*at)[1].str() + (*at)[2].str());
    }
    return out;
  }

  const ParserFlags none_;
  const ParserFlags tools_{true, "hermes", ""};
  const ParserFlags all_{true, "hermes", "qwen3"};
};

constexpr const char* kRole = R"({"role":"assistant","content":""})";

TEST_F(ToolsTest, CallsAToolWhenTheMessageAsksForIt) {
  const json body = answer(tools_, chat_with("[[tool]]", both_tools()));
  const json& choice = body["choices"][0];
  EXPECT_EQ(choice["message"]["content"], nullptr);
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  const json calls =
      json::parse(R"([{"id":"chatcmpl-tool-ID","type":"function","function":{"name":"get_weather",)"
                  R"("arguments":"{\"city\": \"Oslo\", \"days\": 2}"}}])");
  EXPECT_EQ(choice["message"]["tool_calls"], calls);
  EXPECT_EQ(body["usage"]["completion_tokens"], 11);
}

TEST_F(ToolsTest, StreamsACallInPieces) {
  const std::vector<std::string> wanted = {
      kRole,
      R"({"content":null,"tool_calls":[{"id":"chatcmpl-tool-ID","type":"function","index":0,)"
      R"("function":{"name":"get_weather"}}]})",
      R"({"content":null,"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}}]})",
      R"({"content":null,"tool_calls":[{"index":0,"function":{"arguments":" \"Os"}}]})",
      R"({"content":null,"tool_calls":[{"index":0,"function":{"arguments":"lo\""}}]})",
      R"({"content":null,"tool_calls":[{"index":0,"function":{"arguments":", \"days\": 2}"}}]})",
      R"({}"tool_calls")"};
  EXPECT_EQ(deltas(tools_, chat_with("[[tool]]", both_tools())), wanted);
}

TEST_F(ToolsTest, CallsTwoToolsBehindSomeText) {
  const json message =
      answer(tools_, chat_with("[[tools2]]", both_tools()))["choices"][0]["message"];
  EXPECT_EQ(message["content"], "Let me look that up.\n");
  ASSERT_EQ(message["tool_calls"].size(), 2U);
  EXPECT_EQ(message["tool_calls"][1]["function"]["arguments"], R"({"zone": "Europe/Oslo"})");
  // Role, two of text, a name and three pieces twice, and the end: as many as were recorded.
  EXPECT_EQ(deltas(tools_, chat_with("[[tools2]]", both_tools())).size(), 12U);
  json one = chat_with("[[tools2]]", both_tools());
  one["parallel_tool_calls"] = false;
  EXPECT_EQ(answer(tools_, one)["choices"][0]["message"]["tool_calls"].size(), 1U);
}

TEST_F(ToolsTest, GivesArgumentsThatFitTheSchema) {
  const json tools = {function("f", {{"sunny", {{"type", "boolean"}}}}, {"sunny"})};
  for (const json& choice :
       {json("auto"), json("required"), json({{"function", {{"name", "f"}}}})}) {
    json body = chat_with("[[tool]]", tools);
    body["tool_choice"] = choice;
    const json message = answer(tools_, body)["choices"][0]["message"];
    const std::string arguments = message["tool_calls"][0]["function"]["arguments"];
    EXPECT_TRUE(json::parse(arguments)["sunny"].is_boolean()) << arguments;
  }
}

TEST_F(ToolsTest, WritesTextUnlessItIsAskedToCall) {
  EXPECT_FALSE(answer(tools_, chat_with("hi", both_tools()))["choices"][0]["message"].contains(
      "tool_calls"));
  json body = chat_with("[[tool]]", both_tools());
  body["tool_choice"] = "none";
  const json message = answer(tools_, body)["choices"][0]["message"];
  EXPECT_TRUE(message["content"].get<std::string>().starts_with("<tool_call>\n{\"name\": "));
  EXPECT_EQ(answer(none_, chat("[[tool]]"))["choices"][0]["message"]["content"],
            message["content"]);
}

TEST_F(ToolsTest, SaysHowANamedAndARequiredCallEnd) {
  json body = chat_with("hi", both_tools());
  body["tool_choice"] = "required";
  EXPECT_EQ(answer(tools_, body)["choices"][0]["finish_reason"], "tool_calls");
  body["tool_choice"] = {{"type", "function"}, {"function", {{"name", "get_time"}}}};
  const json choice = answer(tools_, body)["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "stop");
  EXPECT_EQ(choice["message"]["tool_calls"][0]["function"]["name"], "get_time");
  body["max_tokens"] = 8;
  const json cut = answer(tools_, body)["choices"][0];
  EXPECT_EQ(cut["finish_reason"], "length");
  EXPECT_TRUE(cut["message"]["content"].get<std::string>().starts_with("<tool_call>"));
}

TEST_F(ToolsTest, RefusesInTheWordsOfARealServer) {
  const auto message = [](const json& body) { return body["error"]["message"]; };
  json body = chat_with("hi", both_tools());
  const std::string needs =
      "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set";
  EXPECT_EQ(message(answer(none_, body)), needs);
  EXPECT_EQ(message(answer({false, "hermes", ""}, body)), needs);
  body["tool_choice"] = {{"type", "function"}, {"function", {{"name", "nope"}}}};
  EXPECT_EQ(message(answer(tools_, body)),
            "The tool specified in `tool_choice` does not match any of the specified `tools` "
            "(parameter=tool_choice)");
  body = chat("hi");
  body["tool_choice"] = "auto";
  EXPECT_EQ(message(answer(tools_, body)),
            "When using `tool_choice`, `tools` must be set. (parameter=tool_choice)");
  json broken = {function("f", {{"a", {{"type", "nonsense"}}}}, {"a"})};
  body = chat_with("hi", broken);
  body["tool_choice"] = "required";
  EXPECT_EQ(message(answer(tools_, body)), "Grammar error: Unsupported type in schema: nonsense");
  body["tools"] = {{{"type", "function"}}};
  EXPECT_EQ(answer(tools_, body)["error"]["param"], "body.tools.0.function");
}

TEST_F(ToolsTest, OldServersCallANamedToolWithoutAParser) {
  json body = chat_with("hi", both_tools());
  body["tool_choice"] = {{"type", "function"}, {"function", {{"name", "get_time"}}}};
  const json choice = answer(none_, body, "0.11.0")["choices"][0];
  EXPECT_EQ(choice["message"]["content"], "");
  EXPECT_EQ(choice["message"]["tool_calls"].size(), 1U);
  EXPECT_EQ(choice["finish_reason"], "stop");
}

TEST_F(ToolsTest, TellsThoughtsApart) {
  json body = answer(all_, chat("[[think]]"));
  json message = body["choices"][0]["message"];
  EXPECT_EQ(message["reasoning"], "\nThe user wants two plus two. That is four.\n");
  EXPECT_EQ(message["content"], "\n\nThe answer is 4.");
  EXPECT_EQ(body["usage"]["completion_tokens"], 10);
  message = answer(all_, chat("[[hello]]"))["choices"][0]["message"];
  EXPECT_EQ(message["reasoning"], "Hello, this is a scripted answer from the tiny model.");
  EXPECT_EQ(message["content"], nullptr);
  message = answer(none_, chat("[[think]]"))["choices"][0]["message"];
  EXPECT_EQ(message["content"],
            "<think>\nThe user wants two plus two. That is four.\n</think>\n\nThe answer is 4.");
  json off = chat("[[think]]");
  off["chat_template_kwargs"] = {{"enable_thinking", false}};
  EXPECT_EQ(answer(all_, off)["choices"][0]["message"], message);
  message = answer(all_, chat("[[think]]"), "0.11.0")["choices"][0]["message"];
  EXPECT_EQ(message["reasoning_content"], "\nThe user wants two plus two. That is four.\n");
}

TEST_F(ToolsTest, StreamsThoughts) {
  const std::vector<std::string> wanted = {kRole,
                                           R"({"reasoning":"\nThe user "})",
                                           R"({"reasoning":"wants two "})",
                                           R"({"reasoning":"plus two. "})",
                                           R"({"reasoning":"That is "})",
                                           R"({"reasoning":"four.\n"})",
                                           R"({"content":"\n\nThe answer "})",
                                           R"({"content":"is 4."})",
                                           R"({}"stop")"};
  EXPECT_EQ(deltas(all_, chat("[[think]]")), wanted);
  json body = chat("[[think]]");
  body["include_reasoning"] = false;
  EXPECT_EQ(deltas(all_, body),
            (std::vector<std::string>{kRole, R"({"content":"\n\nThe answer ","reasoning":null})",
                                      R"({"content":"is 4.","reasoning":null})", R"({}"stop")"}));
}

TEST_F(ToolsTest, ThinksBeforeItAnswersAnything) {
  json body = chat("hi");
  const json message = answer(all_, body)["choices"][0]["message"];
  EXPECT_TRUE(message["reasoning"].get<std::string>().ends_with(".\n"));
  EXPECT_TRUE(message["content"].get<std::string>().starts_with("\n\n"));
  body["structured_outputs"] = {{"choice", {"yes"}}};
  EXPECT_EQ(answer(all_, body)["choices"][0]["message"]["content"], "yes");
}

TEST_F(ToolsTest, AnswersInTheFormsOfOtherApis) {
  const json schema = both_tools()[0]["function"]["parameters"];
  json message = chat("[[tool]]");
  message["tools"] = {{{"name", "get_weather"}, {"input_schema", schema}}};
  const json said = json::parse(ask(tools_, "/v1/messages", message));
  EXPECT_EQ(said["content"], json::parse(R"([{"type":"tool_use","id":"chatcmpl-tool-ID",)"
                                         R"("name":"get_weather",)"
                                         R"("input":{"city":"Oslo","days":2}}])"));
  EXPECT_EQ(said["stop_reason"], "tool_use");
  json input = {{"input", "[[tool]]"}};
  input["tools"] = {{{"type", "function"}, {"name", "get_weather"}, {"parameters", schema}}};
  const json response = json::parse(ask(tools_, "/v1/responses", input));
  EXPECT_EQ(response["output"][0]["arguments"], R"({"city": "Oslo", "days": 2})");
  EXPECT_EQ(response["tool_choice"], "auto");
  EXPECT_EQ(response["tools"][0]["name"], "get_weather");
}

/// The names of the events of a stream, without repetitions.
std::vector<std::string> event_names(const std::string& events) {
  std::vector<std::string> out;
  const std::regex name("event: (.*)\n");
  for (std::sregex_iterator at(events.begin(), events.end(), name), end; at != end; ++at) {
    if (out.empty() || out.back() != (*at)[1]) out.push_back((*at)[1]);
  }
  return out;
}

TEST_F(ToolsTest, StreamsThoughtsAndCallsToAnthropicClients) {
  json body = chat("[[think]]");
  body["stream"] = true;
  const std::string events = ask(all_, "/v1/messages", body);
  EXPECT_EQ(
      event_names(events),
      (std::vector<std::string>{"message_start", "content_block_start", "content_block_delta",
                                "content_block_stop", "content_block_start", "content_block_delta",
                                "content_block_stop", "message_delta", "message_stop"}));
  EXPECT_NE(events.find(R"({"type":"thinking","thinking":""},"index":0})"), std::string::npos);
  EXPECT_NE(events.find(R"({"type":"signature_delta","signature":"ID"},"index":0})"),
            std::string::npos);
  EXPECT_NE(events.find(R"({"type":"text_delta","text":"is 4."},"index":1})"), std::string::npos);
  // An answer in the history is a chat's again.
  const json use = {{"type", "tool_use"}, {"id", "x"}, {"name", "f"}, {"input", {{"a", 1}}}};
  const json result = {{"type", "tool_result"}, {"tool_use_id", "x"}, {"content", "[[hello]]"}};
  body["messages"].push_back({{"role", "assistant"}, {"content", {use}}});
  body["messages"].push_back({{"role", "user"}, {"content", {result}}});
  EXPECT_NE(ask(tools_, "/v1/messages", body).find("scripted "), std::string::npos);
}

TEST_F(ToolsTest, StreamsThoughtsAndCallsAsItemsOfAResponse) {
  json body = {{"input", "[[think]]"}, {"stream", true}};
  EXPECT_EQ(
      event_names(ask(all_, "/v1/responses", body)),
      (std::vector<std::string>{
          "response.created", "response.in_progress", "response.output_item.added",
          "response.content_part.added", "response.reasoning_text.delta",
          "response.reasoning_text.done", "response.content_part.done", "response.output_item.done",
          "response.output_item.added", "response.content_part.added", "response.output_text.delta",
          "response.output_text.done", "response.content_part.done", "response.output_item.done",
          "response.completed"}));
  const json schema = both_tools()[0]["function"]["parameters"];
  body["input"] = "[[tool]]";
  body["tools"] = {{{"type", "function"}, {"name", "get_weather"}, {"parameters", schema}}};
  const std::string events = ask(tools_, "/v1/responses", body);
  EXPECT_EQ(event_names(events),
            (std::vector<std::string>{
                "response.created", "response.in_progress", "response.output_item.added",
                "response.function_call_arguments.delta", "response.function_call_arguments.done",
                "response.output_item.done", "response.completed"}));
  EXPECT_NE(events.find(R"("type":"response.function_call_arguments.done","name":"get_weather"})"),
            std::string::npos);
}

}  // namespace
}  // namespace olla::sim
