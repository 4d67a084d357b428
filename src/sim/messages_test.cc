#include "sim/messages.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sim/api.h"

namespace olla::sim {
namespace {

using nlohmann::json;

class MessagesTest : public testing::Test {
 protected:
  static ApiOptions options() {
    ApiOptions out;
    out.models = {"tiny"};
    return out;
  }

  Reply post(std::string_view target, const json& body) {
    const std::string text = body.dump();
    return api_.handle({"POST", target, "sim", "application/json", {}, text}, {});
  }

  static json request() {
    return {{"max_tokens", 300}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}};
  }

  Api api_{options(), {}};
};

constexpr std::string_view kMessages = "/v1/messages";

TEST_F(MessagesTest, StreamsTheTextOfTheWholeAnswer) {
  json body = request();
  body["stop_sequences"] = {". "};
  Reply whole = post(kMessages, body);
  body["stream"] = true;
  Reply streamed = post(kMessages, body);
  auto& one = *std::get<std::unique_ptr<Generation>>(whole);
  auto& other = *std::get<std::unique_ptr<Generation>>(streamed);
  api_.advance(TimePoint(std::chrono::hours(1)));
  const json answer = json::parse(one.answer().body);
  std::string text;
  std::vector<std::string> names;
  while (const auto event = other.take_event()) {
    const json data = json::parse(event->substr(event->find("data: ") + 6));
    EXPECT_TRUE(event->starts_with("event: " + data["type"].get<std::string>() + "\n"));
    if (names.empty() || names.back() != data["type"]) names.push_back(data["type"]);
    if (data["type"] == "content_block_delta") text += data["delta"]["text"];
  }
  EXPECT_EQ(text, answer["content"][0]["text"]);
  EXPECT_EQ(answer["stop_reason"], "stop_sequence");
  EXPECT_EQ(answer["stop_sequence"], ". ");
  EXPECT_EQ(names,
            (std::vector<std::string>{"message_start", "content_block_start", "content_block_delta",
                                      "content_block_stop", "message_delta", "message_stop"}));
}

TEST_F(MessagesTest, CountsTheSystemPrompt) {
  const auto count = [this](const json& body) {
    const Reply reply = post("/v1/messages/count_tokens", body);
    return json::parse(std::get<Answer>(reply).body)["input_tokens"].get<int>();
  };
  json body = request();
  const int without = count(body);
  body["system"] = {{{"type", "text"}, {"text", "be kind"}}};
  EXPECT_GT(count(body), without);
}

TEST_F(MessagesTest, TellsErrorsInItsOwnShape) {
  post("/sim/drain", {});
  Reply reply = post(kMessages, request());
  EXPECT_EQ(std::get<Answer>(reply).status, 500);
  EXPECT_EQ(std::get<Answer>(reply).body,
            R"({"type":"error","error":{"type":"InternalServerError",)"
            R"("message":"cannot schedule new futures after shutdown"}})");
}

TEST_F(MessagesTest, EndsWithAnErrorWhenTheEngineDies) {
  json body = request();
  Reply whole = post(kMessages, body);
  body["stream"] = true;
  Reply streamed = post(kMessages, body);
  post("/sim/kill_engine", {});
  auto& one = *std::get<std::unique_ptr<Generation>>(whole);
  auto& other = *std::get<std::unique_ptr<Generation>>(streamed);
  EXPECT_EQ(one.answer().status, 500);
  EXPECT_EQ(json::parse(one.answer().body)["type"], "error");
  EXPECT_TRUE(other.take_event()->starts_with("event: error\ndata: {\"type\":\"error\","));
  EXPECT_FALSE(other.take_event());
}

TEST_F(MessagesTest, IsUnknownToOldVersions) {
  ApiOptions old = options();
  old.version = "0.11.0";
  Api api(old, {});
  const std::string text = request().dump();
  const Reply reply = api.handle({"POST", kMessages, "sim", "application/json", {}, text}, {});
  EXPECT_EQ(std::get<Answer>(reply).status, 404);
}

}  // namespace
}  // namespace olla::sim
