#include "proxy/route_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace olla::proxy {
namespace {

using testing::HasSubstr;

const config::Profiles& profiles() {
  return *config::builtin_profiles();
}

routing::Provider of(std::string_view type) {
  return routing::Provider::of(*profiles().of_type(type));
}

/// Endpoints of these types.
std::shared_ptr<const fleet::Snapshot> fleet_of(const std::vector<std::string>& types) {
  std::vector<config::Endpoint> endpoints;
  for (const std::string& type : types) {
    config::Endpoint& endpoint = endpoints.emplace_back();
    endpoint.name = "e" + std::to_string(endpoints.size());
    endpoint.type = type;
  }
  static std::vector<std::unique_ptr<fleet::Fleet>> fleets;
  fleets.push_back(std::make_unique<fleet::Fleet>(endpoints));
  return fleets.back()->snapshot();
}

struct Case {
  const char* name;
  std::vector<std::string> fleet;
  routing::Provider provider;
  const char* method;
  const char* path;
  const char* body;
  int status;  // 0: it may be sent.
};

const Case kCases[] = {
    {"POST is what it takes", {"vllm"}, of("vllm"), "POST", "/v1/chat/completions", "", 0},
    {"GET is not", {"vllm"}, of("vllm"), "GET", "/v1/chat/completions", "", 405},
    {"HEAD is not", {"vllm"}, of("vllm"), "HEAD", "/v1/messages", "", 405},
    {"DELETE is not", {"vllm"}, of("vllm"), "DELETE", "/tokenize", "", 405},
    {"a browser may ask", {"vllm"}, of("vllm"), "OPTIONS", "/v1/chat/completions", "", 0},
    {"the common API of all", {"sglang"}, of("sglang"), "GET", "/v1/embeddings", "", 405},
    {"under any provider", {"sglang"}, {}, "PUT", "/v1/completions", "", 405},
    {"another server's own", {"llamacpp"}, of("llamacpp"), "GET", "/tokenize", "", 405},
    {"Ollama's chat", {"ollama"}, of("ollama"), "GET", "/api/chat", "", 405},
    {"its POST", {"ollama"}, of("ollama"), "POST", "/api/chat", "", 0},
    {"its models are read", {"ollama"}, of("ollama"), "GET", "/api/ps", "", 0},
    {"under any provider", {"ollama"}, {}, "DELETE", "/api/generate", "", 405},
    {"LiteLLM's", {"litellm"}, of("litellm"), "GET", "/chat/completions", "", 405},
    {"Docker's", {"dmr"}, of("dmr"), "GET", "/engines/vllm/v1/completions", "", 405},
    {"Docker's models", {"dmr"}, of("dmr"), "GET", "/engines/vllm/v1/models", "", 0},
    {"Lemonade's", {"lemonade"}, of("lemonade"), "GET", "/api/v1/embeddings", "", 405},
    {"SGLang's also takes PUT", {"sglang"}, of("sglang"), "PUT", "/generate", "", 0},
    {"what a server does not have", {"sglang"}, of("sglang"), "GET", "/api/chat", "", 0},
    {"an unknown path", {"sglang"}, of("sglang"), "DELETE", "/anything", "", 0},
    {"Ollama's models", {"ollama"}, of("ollama"), "DELETE", "/api/delete", "", 501},
    {"a blob of one", {"ollama"}, of("ollama"), "POST", "/api/blobs/sha256:1", "", 501},
    {"also through /olla/proxy/", {"vllm", "ollama"}, {}, "POST", "/api/pull", "", 501},
    {"unless there is no Ollama", {"vllm"}, {}, "POST", "/api/pull", "", 0},
    {"Lemonade's models", {"lemonade"}, of("lemonade"), "POST", "/api/v1/delete", "", 403},
    {"the same path elsewhere", {"lemonade", "vllm"}, of("vllm"), "POST", "/v1/load", "", 0},
    {"LiteLLM's keys", {"litellm"}, routing::Provider::openai(), "POST", "/key/generate", "", 403},
    {"one Ollama shows", {"ollama"}, of("ollama"), "POST", "/api/show", "{}", 0},
    {"and lists", {"ollama"}, of("ollama"), "GET", "/api/list", "", 0},
    {"two do not list", {"ollama", "ollama"}, of("ollama"), "GET", "/api/list", "", 501},
    {"two show what is named",
     {"ollama", "ollama"},
     of("ollama"),
     "POST",
     "/api/show",
     R"({"model":"m"})",
     0},
    {"and nothing else",
     {"ollama", "ollama"},
     of("ollama"),
     "POST",
     "/api/show",
     R"({"x":1})",
     501},
};

TEST(RouteRulesTest, RefusesByMethodAndRoute) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const auto snapshot = fleet_of(c.fleet);
    const Destination destination{c.provider, c.path, c.path};
    const auto refused = refuse_route(*snapshot, profiles(), {c.method, destination, c.body});
    EXPECT_EQ(refused ? refused->status : 0, c.status);
    if (c.status == 405) {
      EXPECT_EQ(refused->extra_fields, "Allow: POST\r\n");
    }
  }
}

TEST(RouteRulesTest, ARouteOfTwoMethodsTellsBoth) {
  const auto snapshot = fleet_of({"sglang"});
  const Destination destination{of("sglang"), "/generate", "/generate"};
  const auto refused = refuse_route(*snapshot, profiles(), {"GET", destination, ""});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 405);
  EXPECT_EQ(refused->extra_fields, "Allow: POST, PUT\r\n");
}

TEST(RouteRulesTest, SaysWhatOllaSays) {
  const auto two = fleet_of({"ollama", "ollama"});
  const struct {
    const char* path;
    const char* words;
  } cases[] = {
      {"/api/pull", "model management operations not supported by proxy"},
      {"/api/list", "running models list not supported in multi-instance proxy"},
      {"/api/show", "model show not supported in multi-instance proxy"},
  };
  for (const auto& c : cases) {
    const Destination destination{of("ollama"), c.path, c.path};
    const auto refused = refuse_route(*two, profiles(), {"POST", destination, "{}"});
    ASSERT_TRUE(refused) << c.path;
    EXPECT_THAT(refused->body, HasSubstr(c.words));
    EXPECT_EQ(refused->code, "not_implemented");
  }
}

TEST(RouteRulesTest, ErrorsHaveTheShapeOfTheRoute) {
  const auto snapshot = fleet_of({"vllm"});
  const Destination messages{of("vllm"), "/v1/messages", "/v1/messages"};
  const auto refused = refuse_route(*snapshot, profiles(), {"GET", messages, ""});
  ASSERT_TRUE(refused);
  EXPECT_THAT(refused->body, HasSubstr(R"({"type":"error","error":)"));
}

}  // namespace
}  // namespace olla::proxy
