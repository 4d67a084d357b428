#include "proxy/messages_route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "test/asked.h"
#include "test/gateway.h"
#include "test/loop.h"

namespace olla::proxy {
namespace {

using testing::HasSubstr;

/// Two endpoints that speak the Messages API, with a model each, and one that does not.
struct MessagesRouteTest : testing::Test {
  MessagesRouteTest() {
    config::Config config = test::config_for({41001, 41002, 41003});
    config.endpoints[2].type = "sglang";
    config.anthropic.max_message_size = 1000;
    gateway = std::make_unique<test::Gateway>(loop, std::move(config));
    for (const auto& [id, model] : {std::pair{0U, "a"}, {1U, "b"}, {2U, "elsewhere"}})
      gateway->fleet.set_models(EndpointId(id), {{.id = model}}, /*now=*/1);
    gateway->services.publish(gateway->fleet.snapshot());
  }

  [[nodiscard]] std::optional<OwnAnswer> ask(std::string_view method, std::string path,
                                             std::size_t body_bytes = 0,
                                             const std::string& query = "") {
    http::RequestHead head;
    head.method = method;
    target = path + query;
    const Destination destination{routing::Provider::messages(), target, std::move(path)};
    return answer_messages_route(gateway->services, head, destination, body_bytes);
  }
  /// "status type" of what is refused; "passed" of what goes to an endpoint.
  [[nodiscard]] std::string refused(std::string_view method, std::string path,
                                    std::size_t body_bytes = 0) {
    const auto own = ask(method, std::move(path), body_bytes);
    return own ? words_of(*own) : "passed";
  }
  static std::string words_of(const OwnAnswer& own) {
    const auto document = nlohmann::json::parse(own.body);
    EXPECT_EQ(document["type"], "error");
    EXPECT_TRUE(own.tells_request_id);
    return std::to_string(own.status) + " " + document["error"]["type"].get<std::string>();
  }

  test::Loop loop;
  std::unique_ptr<test::Gateway> gateway;
  std::string target;
};

TEST_F(MessagesRouteTest, TwoRoutesGoToEndpoints) {
  for (const char* path : {"/v1/messages", "/v1/messages/count_tokens"}) {
    EXPECT_EQ(refused("POST", path), "passed");
    EXPECT_EQ(refused("POST", path, 1000), "passed");
    EXPECT_EQ(refused("POST", path, 1001), "413 request_too_large");
    for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "post"}) {
      const auto own = ask(method, path);
      ASSERT_TRUE(own);
      EXPECT_EQ(words_of(*own), "405 invalid_request_error");
      EXPECT_EQ(own->extra_fields, "Allow: POST\r\n");
    }
  }
}

TEST_F(MessagesRouteTest, OthersAreNoRoutes) {
  for (const char* path : {"/", "/v1", "/v1/messages/", "/v1/messages/batches", "/v1/Messages",
                           "/v1/models/", "/v1/complete", "/messages", ""})
    EXPECT_EQ(refused("POST", path), "404 not_found_error") << path;
}

TEST_F(MessagesRouteTest, ListsTheModelsOfEndpointsThatSpeakIt) {
  for (const char* method : {"GET", "HEAD"}) {
    const auto own = ask(method, "/v1/models");
    ASSERT_TRUE(own);
    EXPECT_EQ(own->status, 200);
    const auto document = nlohmann::json::parse(own->body);
    ASSERT_EQ(document["data"].size(), 2U);
    EXPECT_EQ(document["data"][0]["id"], "a");
    EXPECT_EQ(document["data"][1]["id"], "b");
  }
  const auto page = ask("GET", "/v1/models", 0, "?limit=1&after_id=a");
  EXPECT_EQ(nlohmann::json::parse(page->body)["data"][0]["id"], "b");
  EXPECT_EQ(words_of(*ask("GET", "/v1/models", 0, "?limit=none")), "400 invalid_request_error");
  const auto posted = ask("POST", "/v1/models");
  EXPECT_EQ(words_of(*posted), "405 invalid_request_error");
  EXPECT_EQ(posted->extra_fields, "Allow: GET, HEAD\r\n");
}

TEST_F(MessagesRouteTest, TellsOfOneModel) {
  const auto own = ask("GET", "/v1/models/b");
  EXPECT_EQ(own->status, 200);
  EXPECT_EQ(nlohmann::json::parse(own->body)["id"], "b");
  EXPECT_EQ(ask("GET", "/v1/models/B")->body, own->body);
  for (const char* path : {"/v1/models/elsewhere", "/v1/models/a/b"})
    EXPECT_EQ(refused("GET", path), "404 not_found_error") << path;
}

TEST_F(MessagesRouteTest, RepeatsNoLongNameOfAModel) {
  const auto own = ask("GET", "/v1/models/" + std::string(5000, 'x'));
  EXPECT_LT(own->body.size(), 300U);
}

TEST_F(MessagesRouteTest, CanBeSwitchedOff) {
  gateway->config.anthropic.enabled = false;
  for (const char* path : {"/v1/messages", "/v1/models"})
    EXPECT_EQ(refused("POST", path), "404 not_found_error");
  gateway->config.anthropic.enabled = true;
  gateway->config.anthropic.passthrough_enabled = false;
  EXPECT_EQ(refused("POST", "/v1/messages"), "501 api_error");
  EXPECT_EQ(refused("POST", "/v1/messages", 1001), "413 request_too_large");
  EXPECT_EQ(ask("GET", "/v1/models")->status, 200);
}

TEST_F(MessagesRouteTest, ALargeMessageIsRefusedBeforeItsBody) {
  const auto large = [this](std::string_view at, http::Framing framing, std::uint64_t length) {
    http::RequestHead head;
    head.target = at;
    head.framing = framing;
    head.content_length = length;
    const auto own = refuse_large_message(gateway->config, head);
    return own ? words_of(*own) : "read";
  };
  using http::Framing;
  EXPECT_EQ(large("/olla/anthropic/v1/messages", Framing::kLength, 1001), "413 request_too_large");
  EXPECT_EQ(large("/olla/anthropic/v1/messages", Framing::kLength, 1000), "read");
  EXPECT_EQ(large("/olla/anthropic/v1/messages", Framing::kChunked, 0), "read");
  EXPECT_EQ(large("http://gw/olla/anthropic/v1/messages?x", Framing::kLength, 1001),
            "413 request_too_large");
  EXPECT_EQ(large("/olla/vllm/v1/messages", Framing::kLength, 1001), "read");
  EXPECT_EQ(large("*", Framing::kLength, 1001), "read");
}

/// A request for the Messages API that has been read.
struct MessageTest : MessagesRouteTest {
  MessageTest() : asked(*gateway) {}

  ProxiedRequest request(std::string_view body) {
    ProxiedRequest made{gateway->services, asked.connection(),
                        Destination{routing::Provider::messages(), "/v1/messages", "/v1/messages"},
                        entry, caller};
    made.facts = openai::inspect_request(body);
    return made;
  }

  test::Asked asked;
  log::AccessEntry entry;
  Caller caller{};
};

TEST_F(MessageTest, NeedsAModel) {
  for (const char* body : {"", "{}", "[]", "x", R"({"model":""})", R"({"model":7})"}) {
    const auto no = refuse_message(request(body));
    ASSERT_TRUE(no) << body;
    EXPECT_EQ(words_of(no->answer), "400 invalid_request_error") << body;
  }
  EXPECT_THAT(refuse_message(request(""))->answer.body, HasSubstr("empty request body"));
  EXPECT_FALSE(refuse_message(request(R"({"model":"a"})")));
  EXPECT_FALSE(refuse_message(request(R"({"model":"a", broken)")));
}

TEST_F(MessageTest, ThatNobodySpeaksItIsToldAsSuch) {
  const ProxiedRequest asks = request(R"({"model":"elsewhere"})");
  const auto nobody = explain_no_messages(asks, routing::NoPick::kNoEndpoints);
  ASSERT_TRUE(nobody);
  EXPECT_EQ(words_of(nobody->answer), "501 api_error");
  const auto others = explain_no_messages(asks, routing::NoPick::kOtherProviders);
  ASSERT_TRUE(others);
  EXPECT_EQ(words_of(others->answer), "501 api_error");
  EXPECT_THAT(others->answer.body, HasSubstr("The model elsewhere is served"));
  for (const auto reason : {routing::NoPick::kUnknownModel, routing::NoPick::kAllFull,
                            routing::NoPick::kNoneReady, routing::NoPick::kAllTried})
    EXPECT_FALSE(explain_no_messages(asks, reason));
}

}  // namespace
}  // namespace olla::proxy
