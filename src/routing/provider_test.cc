#include "routing/provider.h"

#include <gtest/gtest.h>

namespace olla::routing {
namespace {

TEST(MatchRouteTest, KeepsPathAndQueryByteForByte) {
  const struct {
    std::string_view target;
    Provider provider;
    std::string_view path;
  } cases[] = {
      {"/olla/vllm/v1/chat/completions", Provider::kVllm, "/v1/chat/completions"},
      {"/olla/openai/v1/models?x=%20&y=/../", Provider::kOpenAi, "/v1/models?x=%20&y=/../"},
      {"/olla/proxy/v1/models", Provider::kAny, "/v1/models"},
      {"/olla/vllm/", Provider::kVllm, "/"},
      {"/olla/vllm/?q", Provider::kVllm, "/?q"},
      {"/olla/vllm//v1/%6dodels", Provider::kVllm, "//v1/%6dodels"},
      {"/olla/proxy/olla/vllm/x", Provider::kAny, "/olla/vllm/x"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.target);
    const auto route = match_route(c.target);
    ASSERT_TRUE(route.has_value());
    EXPECT_EQ(route->provider, c.provider);
    EXPECT_EQ(route->path, c.path);
    EXPECT_EQ(route->path.data() + route->path.size(), c.target.data() + c.target.size());
  }
}

TEST(MatchRouteTest, MatchesNothingElse) {
  for (const char* target :
       {"", "/", "/olla", "/olla/", "/olla/vllm", "/olla/vllm?q", "/olla/vllmx/", "/Olla/vllm/",
        "/olla/VLLM/v1", "//olla/vllm/v1", "/v1/models", "olla/vllm/v1", "/x/olla/vllm/v1",
        "/olla/sglang/v1", "*"}) {
    EXPECT_FALSE(match_route(target).has_value()) << target;
  }
}

TEST(ServesTest, OnlyVllmIsParticular) {
  EXPECT_TRUE(serves(Provider::kVllm, "vllm"));
  EXPECT_FALSE(serves(Provider::kVllm, "vllm-mlx"));
  EXPECT_FALSE(serves(Provider::kVllm, "openai-compatible"));
  for (const char* type : {"vllm", "ollama", "openai-compatible"}) {
    EXPECT_TRUE(serves(Provider::kOpenAi, type));
    EXPECT_TRUE(serves(Provider::kAny, type));
  }
}

}  // namespace
}  // namespace olla::routing
