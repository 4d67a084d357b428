#include "proxy/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <nlohmann/json.hpp>

namespace olla::proxy {
namespace {

using testing::HasSubstr;

struct AdmissionTest : testing::Test {
  config::Config config;
  limits::ClientAddress peer = limits::peer_address("127.0.0.1");
  http::RequestHead head;
  Caller caller;
  std::optional<limits::Gate> gate;

  AdmissionTest() {
    head.host = "localhost:40114";
    config.server.rate_limits.burst_size = 2;
  }
  void limit_per_client(std::uint32_t number) {
    config.server.rate_limits.per_ip_requests_per_minute = number;
  }

  std::optional<OwnAnswer> ask(std::string_view target, std::string_view method = "GET") {
    if (!gate) gate.emplace(config, 1);
    head.method = method;
    head.target = target;
    caller = identify(*gate, peer, head);
    return admit(*gate, peer, head, caller);
  }
  std::int64_t field(std::string_view name) {
    const std::size_t at = caller.answer_fields.find(std::string(name) + ": ");
    EXPECT_NE(at, std::string::npos) << name;
    return at == std::string::npos
               ? -1
               : std::atoll(caller.answer_fields.c_str() + at + name.size() + 2);
  }
};

TEST_F(AdmissionTest, WithoutALimitNoneIsTold) {
  EXPECT_FALSE(ask("/olla/vllm/v1/chat/completions", "POST"));
  EXPECT_EQ(caller.answer_fields, "");
  EXPECT_EQ(caller.address.text, "127.0.0.1");
}

TEST_F(AdmissionTest, OllaW39EveryRouteOfClientsIsLimited) {
  for (const char* target : {"/olla/vllm/v1/x", "/olla/openai/v1/x", "/olla/proxy/x",
                             "/olla/anthropic/v1/messages", "/olla/models", "/olla/vllm/v1/models",
                             "/v1/chat/completions", "http://gw/v1/models", "/nowhere", "*"}) {
    SCOPED_TRACE(target);
    gate.reset();
    limit_per_client(60);
    EXPECT_FALSE(ask(target));
    EXPECT_EQ(field("X-RateLimit-Limit"), 60);
    EXPECT_EQ(field("X-RateLimit-Remaining"), 1);
    EXPECT_FALSE(ask(target));
    const auto denied = ask(target);
    ASSERT_TRUE(denied);
    EXPECT_EQ(denied->status, 429);
    EXPECT_EQ(denied->code, "rate_limit_exceeded");
    EXPECT_EQ(denied->extra_fields, "Retry-After: 1\r\n");
    EXPECT_EQ(field("X-RateLimit-Remaining"), 0);
    EXPECT_NEAR(static_cast<double>(field("X-RateLimit-Reset")),
                static_cast<double>(std::time(nullptr) + 2), 1);
    EXPECT_EQ(gate->violations.rate(), 1u);
    EXPECT_EQ(gate->violations.limited_clients(Clock::now()), 1u);
  }
}

TEST_F(AdmissionTest, TheGatewaysOwnDocumentsAreNotLimited) {
  limit_per_client(1);
  for (int i = 0; i < 5; ++i) {
    for (const char* target : {"/internal/health", "/internal/status?x=1", "/version"}) {
      EXPECT_FALSE(ask(target)) << target;
      EXPECT_EQ(caller.answer_fields, "");
    }
  }
}

TEST_F(AdmissionTest, ARedirectToACleanPathCostsNoToken) {
  limit_per_client(1);
  config.server.rate_limits.burst_size = 1;
  for (int i = 0; i < 3; ++i) {
    const auto redirect = ask("/olla/vllm//v1/chat/completions?a=//b", "POST");
    ASSERT_TRUE(redirect);
    EXPECT_EQ(redirect->status, 307);
    EXPECT_EQ(redirect->extra_fields, "Location: /olla/vllm/v1/chat/completions?a=//b\r\n");
    EXPECT_EQ(caller.answer_fields, "");
  }
  EXPECT_FALSE(ask("/olla/vllm/v1/chat/completions", "POST"));
  EXPECT_EQ(ask("/olla/vllm/v1/chat/completions", "POST")->status, 429);
  EXPECT_EQ(ask("//evil.test/v1/models")->status, 429) << "it leads elsewhere";
}

TEST_F(AdmissionTest, TheGatewaysOwnPathsAreCleanedTooAndGuardedThere) {
  peer = limits::peer_address("192.0.2.1");
  const std::pair<const char*, const char*> cases[] = {
      {"//internal/health", "/internal/health"},
      {"/internal//health", "/internal/health"},
      {"/./internal/status", "/internal/status"},
      {"//internal//status?x", "/internal/status?x"},
      {"//version", "/version"},
      {"//version?x", "/version?x"}};
  for (const auto& [written, clean] : cases) {
    const auto redirect = ask(written);
    ASSERT_TRUE(redirect) << written;
    EXPECT_EQ(redirect->status, 307) << written;
    EXPECT_EQ(redirect->extra_fields, "Location: " + std::string(clean) + "\r\n");
  }
  EXPECT_EQ(ask("/internal/status")->status, 403);
  EXPECT_FALSE(ask("//versions"));
}

TEST_F(AdmissionTest, ADenialHasTheShapeOfItsRoute) {
  limit_per_client(1);
  config.server.rate_limits.burst_size = 1;
  EXPECT_FALSE(ask("/olla/vllm/x"));
  const auto chat = nlohmann::json::parse(ask("/olla/vllm/v1/chat/completions")->body);
  EXPECT_EQ(chat["error"]["code"], "rate_limit_exceeded");
  for (const char* target : {"/olla/anthropic/v1/messages", "/olla/vllm/v1/messages?x",
                             "/v1/messages", "/olla/anthropic/v1/models"}) {
    const auto messages = nlohmann::json::parse(ask(target)->body);
    EXPECT_EQ(messages["type"], "error") << target;
    EXPECT_EQ(messages["error"]["type"], "rate_limit_error") << target;
  }
}

TEST_F(AdmissionTest, OllaW44LimitsGoByTheClientBehindATrustedProxy) {
  limit_per_client(60);
  config.server.rate_limits.trust_proxy_headers = true;
  for (const char* chain : {"192.0.2.1", "203.0.113.1, 192.0.2.1", "203.0.113.2, 192.0.2.1"}) {
    head.fields = {{"X-Forwarded-For", chain}};
    static_cast<void>(ask("/olla/vllm/x"));
    EXPECT_EQ(caller.address.text, "192.0.2.1");
  }
  EXPECT_TRUE(ask("/olla/vllm/x"));
  head.fields = {{"X-Forwarded-For", "192.0.2.2"}};
  EXPECT_FALSE(ask("/olla/vllm/x"));
}

TEST_F(AdmissionTest, OllaW40TheGatewaysDocumentsAreForThisMachine) {
  peer = limits::peer_address("192.0.2.1");
  const auto denied = ask("/internal/status?x");
  ASSERT_TRUE(denied);
  EXPECT_EQ(denied->status, 403);
  EXPECT_EQ(denied->code, "access_denied");
  EXPECT_THAT(denied->body, HasSubstr("internal.access_policy.allowed_cidrs"));
  EXPECT_TRUE(ask("/internal/endpoints/a/drain", "POST"));
  EXPECT_EQ(gate->violations.access(), 2u);
  EXPECT_FALSE(ask("/internal/health"));
  EXPECT_FALSE(ask("/version"));
  EXPECT_FALSE(ask("/olla/vllm/v1/models"));
  head.fields = {{"X-Forwarded-For", "127.0.0.1"}};
  EXPECT_TRUE(ask("/internal/status"));
  peer = limits::peer_address("127.0.0.1");
  EXPECT_FALSE(ask("/internal/status"));
}

TEST_F(AdmissionTest, APreflightIsAnsweredAndCostsNoToken) {
  limit_per_client(1);
  config.server.rate_limits.burst_size = 1;
  config.server.cors.enabled = true;
  head.fields = {{"Origin", "http://app.example"}, {"Access-Control-Request-Method", "POST"}};
  for (const char* target : {"/olla/vllm/x", "/nowhere", "/internal/status", "*"}) {
    const auto answer = ask(target, "OPTIONS");
    ASSERT_TRUE(answer) << target;
    EXPECT_EQ(answer->status, 204);
    EXPECT_THAT(answer->extra_fields, HasSubstr("Access-Control-Allow-Methods: POST\r\n"));
    EXPECT_EQ(caller.answer_fields, "");
  }
  EXPECT_FALSE(ask("/olla/vllm/x", "POST"));
  EXPECT_THAT(caller.answer_fields, HasSubstr("Access-Control-Allow-Origin: *\r\n"));
  EXPECT_THAT(caller.answer_fields, HasSubstr("X-RateLimit-Remaining: 0\r\n"));
  EXPECT_EQ(ask("/olla/vllm/x", "POST")->status, 429);
}

TEST_F(AdmissionTest, OnlySmallBodiesAreReadInVain) {
  EXPECT_TRUE(is_worth_reading(head));
  head.framing = http::Framing::kLength;
  head.content_length = 64 * 1024;
  EXPECT_TRUE(is_worth_reading(head));
  head.content_length += 1;
  EXPECT_FALSE(is_worth_reading(head));
  head.content_length = 1;
  head.expects_continue = true;  // The client waits: it may be told before it sends.
  EXPECT_FALSE(is_worth_reading(head));
  head.expects_continue = false;
  head.framing = http::Framing::kChunked;
  EXPECT_FALSE(is_worth_reading(head));
}

}  // namespace
}  // namespace olla::proxy
