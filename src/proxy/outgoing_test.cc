#include "proxy/outgoing.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace olla::proxy {
namespace {

TEST(TargetForTest, IsTheClientsOwnUnlessTheEndpointHasAPathOfItsOwn) {
  const config::Profiles& profiles = *config::builtin_profiles();
  const auto any = routing::Provider::any();
  const auto messages = routing::Provider::messages();
  const struct {
    const char* type;
    const char* base;
    bool preserves;
    routing::Provider provider;
    const char* target;
    const char* path;
    const char* expected;
  } cases[] = {
      {"vllm", "/", false, any, "/v1/%6dodels?a=b%20c", "/v1/models", "/v1/%6dodels?a=b%20c"},
      {"vllm", "/base", false, any, "/v1/x", "/v1/x", "/v1/x"},
      {"vllm", "/base", true, any, "/v1/x?y", "/v1/x", "/base/v1/x?y"},
      {"vllm", "/a/b/", true, any, "/v1/x", "/v1/x", "/a/b/v1/x"},
      {"vllm", "/", true, any, "//v1/x", "//v1/x", "//v1/x"},
      {"vllm", "/", false, messages, "/v1/messages", "/v1/messages", "/v1/messages"},
      {"vllm", "/", false, messages, "/v1/%6dessages?beta=true", "/v1/messages",
       "/v1/messages?beta=true"},
      {"dmr", "/", false, messages, "/v1/messages?b", "/v1/messages", "/anthropic/v1/messages?b"},
      {"dmr", "/x", true, messages, "/v1/messages/count_tokens", "/v1/messages/count_tokens",
       "/x/anthropic/v1/messages/count_tokens"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.expected);
    fleet::Endpoint endpoint{EndpointId(0), {}};
    endpoint.config.address = {.scheme = "http", .host = "h", .path = c.base, .port = 1};
    endpoint.config.preserve_path = c.preserves;
    fleet::EndpointView view;
    view.endpoint = &endpoint;
    view.profile = profiles.of_type(c.type);
    EXPECT_EQ(target_for({c.provider, c.target, c.path}, view), c.expected);
  }
}

TEST(ModelForHeaderTest, IsTheNameAsWrittenWhereItFits) {
  const auto header = [](std::optional<std::string> model) {
    openai::RequestFacts facts;
    facts.model = std::move(model);
    const auto fit = model_for_header(facts);
    return fit ? std::string(*fit) : std::string("none");
  };
  EXPECT_EQ(header("Meta-Llama/Odd_NAME"), "Meta-Llama/Odd_NAME");
  EXPECT_EQ(header(std::string(1024, 'x')), std::string(1024, 'x'));
  for (const auto& unfit : {std::string(), std::string(1025, 'x'), std::string("a\r\nB: c")})
    EXPECT_EQ(header(unfit), "none");
  EXPECT_EQ(header(std::nullopt), "none");
}

}  // namespace
}  // namespace olla::proxy
