#include "sim/responses.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sim/api.h"

namespace olla::sim {
namespace {

using nlohmann::json;

class ResponsesTest : public testing::Test {
 protected:
  static ApiOptions options() {
    ApiOptions out;
    out.models = {"tiny"};
    return out;
  }

  Reply ask(std::string_view method, std::string_view target, const json& body = nullptr) {
    const std::string text = body.is_null() ? "" : body.dump();
    return api_.handle({method, target, "sim", "application/json", {}, text}, {});
  }

  /// The finished object.
  json respond(const json& body) {
    Reply reply = ask("POST", "/v1/responses", body);
    auto& generation = *std::get<std::unique_ptr<Generation>>(reply);
    api_.advance(TimePoint(std::chrono::hours(1)));
    return json::parse(generation.answer().body);
  }

  std::pair<int, json> answer(std::string_view method, const std::string& target,
                              const json& body = nullptr) {
    const Reply reply = ask(method, target, body);
    return {std::get<Answer>(reply).status, json::parse(std::get<Answer>(reply).body)};
  }

  Api api_{options(), {}};
};

TEST_F(ResponsesTest, KeepsWhatItAnswered) {
  const json first = respond({{"input", "hi"}});
  const std::string id = first["id"];
  EXPECT_TRUE(id.starts_with("resp_"));
  EXPECT_EQ(answer("GET", "/v1/responses/" + id), std::make_pair(200, first));
  const json second = respond({{"input", "and then?"}, {"previous_response_id", id}});
  EXPECT_EQ(second["previous_response_id"], id);
  const auto [status, cancelled] = answer("POST", "/v1/responses/" + id + "/cancel");
  EXPECT_EQ(status, 400);
  EXPECT_EQ(cancelled["error"]["message"], "Cannot cancel a synchronous response.");
}

TEST_F(ResponsesTest, KnowsNothingOfOtherServers) {
  const json missing = {{"error",
                         {{"message", "Response with id 'resp_x' not found."},
                          {"type", "invalid_request_error"},
                          {"param", "response_id"},
                          {"code", 404}}}};
  const auto expected = std::make_pair(404, missing);
  EXPECT_EQ(answer("GET", "/v1/responses/resp_x"), expected);
  EXPECT_EQ(answer("POST", "/v1/responses/resp_x/cancel"), expected);
  EXPECT_EQ(answer("POST", "/v1/responses", {{"input", "a"}, {"previous_response_id", "resp_x"}}),
            expected);
  EXPECT_EQ(answer("GET", "/v1/responses/a/b").first, 404);
  EXPECT_EQ(answer("DELETE", "/v1/responses/resp_x").first, 405);
}

TEST_F(ResponsesTest, ForgetsWhatItWasToldNotToStore) {
  const std::string id = respond({{"input", "hi"}, {"store", false}})["id"];
  EXPECT_EQ(answer("GET", "/v1/responses/" + id).first, 404);
}

TEST_F(ResponsesTest, NumbersItsEvents) {
  Reply reply = ask("POST", "/v1/responses",
                    {{"input", {{{"role", "user"}, {"content", "hi"}}}}, {"stream", true}});
  auto& generation = *std::get<std::unique_ptr<Generation>>(reply);
  api_.advance(TimePoint(std::chrono::hours(1)));
  std::size_t number = 0;
  json last;
  std::string text;
  while (const auto event = generation.take_event()) {
    last = json::parse(event->substr(event->find("data: ") + 6));
    EXPECT_EQ(last["sequence_number"], number++);
    if (last.contains("delta")) text += last["delta"];
  }
  EXPECT_EQ(last["type"], "response.completed");
  EXPECT_EQ(last["response"]["output"][0]["content"][0]["text"], text);
  const std::string id = last["response"]["id"];
  EXPECT_EQ(answer("GET", "/v1/responses/" + id).second, last["response"]);
}

TEST(ResponseStoreTest, DropsTheOldestWhenItIsFull) {
  ResponseStore store;
  for (int i = 0; i <= 10'000; ++i) {
    store.put("resp_" + std::to_string(i), "{}");
  }
  EXPECT_EQ(store.find("resp_0"), nullptr);
  EXPECT_NE(store.find("resp_1"), nullptr);
  EXPECT_NE(store.find("resp_10000"), nullptr);
}

}  // namespace
}  // namespace olla::sim
