#include "routing/provider.h"

#include <gtest/gtest.h>

#include <string>

namespace olla::routing {
namespace {

const config::Profiles& profiles() {
  return *config::builtin_profiles();
}

Provider of(std::string_view type) {
  return Provider::of(*profiles().of_type(type));
}

TEST(MatchRouteTest, KeepsPathAndQueryByteForByte) {
  const struct {
    std::string_view target;
    Provider provider;
    std::string_view path;
  } cases[] = {
      {"/olla/vllm/v1/chat/completions", of("vllm"), "/v1/chat/completions"},
      {"/olla/openai/v1/models?x=%20&y=/../", Provider::openai(), "/v1/models?x=%20&y=/../"},
      {"/olla/openai-compatible/x", Provider::openai(), "/x"},
      {"/olla/proxy/v1/models", Provider::any(), "/v1/models"},
      {"/olla/vllm/", of("vllm"), "/"},
      {"/olla/vllm/?q", of("vllm"), "/?q"},
      {"/olla/vllm//v1/%6dodels", of("vllm"), "//v1/%6dodels"},
      {"/olla/proxy/olla/vllm/x", Provider::any(), "/olla/vllm/x"},
      {"/olla/dmr/engines/v1/models", of("docker-model-runner"), "/engines/v1/models"},
      {"/olla/lm_studio/x", of("lm-studio"), "/x"},
      {"/v1/chat/completions?x", Provider::openai(), "/v1/chat/completions?x"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.target);
    const auto route = match_route(c.target, profiles());
    ASSERT_TRUE(route.has_value());
    EXPECT_EQ(route->provider, c.provider);
    EXPECT_EQ(route->path, c.path);
    EXPECT_EQ(route->path.data() + route->path.size(), c.target.data() + c.target.size());
  }
}

TEST(MatchRouteTest, KnowsThePrefixesOfAllProfiles) {
  for (const char* prefix :
       {"dmr", "lemonade", "litellm", "llamacpp", "lmstudio", "lm-studio", "lm_studio", "lmdeploy",
        "ollama", "omlx", "sglang", "vllm", "vllm-mlx", "openai", "openai-compatible", "proxy"}) {
    const std::string target = "/olla/" + std::string(prefix) + "/x";
    const auto route = match_route(target, profiles());
    ASSERT_TRUE(route.has_value()) << prefix;
    EXPECT_EQ(route->path, "/x") << prefix;
  }
}

TEST(MatchRouteTest, APrefixWithoutItsSlashHasNoPath) {
  for (const char* target : {"/olla/vllm", "/olla/vllm?q", "/olla/proxy"}) {
    const auto route = match_route(target, profiles());
    ASSERT_TRUE(route.has_value()) << target;
    EXPECT_EQ(route->path, "") << target;
  }
}

TEST(MatchRouteTest, MatchesNothingElse) {
  for (const char* target :
       {"", "/", "/olla", "/olla/", "/olla//x", "/olla/?x", "/olla/vllmx/", "/Olla/vllm/",
        "/olla/VLLM/v1", "//olla/vllm/v1", "/v1", "/v1?x", "/V1/models", "olla/vllm/v1",
        "/x/olla/vllm/v1", "/olla/docker-model-runner/v1", "/olla/llama-cpp/v1", "/olla/vllm_mlx/",
        "*"}) {
    EXPECT_FALSE(match_route(target, profiles()).has_value()) << target;
  }
}

TEST(ProviderTest, ServesEndpointsOfItsKind) {
  fleet::EndpointView view;
  for (const config::Profile& profile : profiles().all()) {
    view.profile = &profile;
    EXPECT_TRUE(Provider::any().serves(view));
    EXPECT_TRUE(Provider::openai().serves(view));
    for (const config::Profile& other : profiles().all())
      EXPECT_EQ(Provider::of(other).serves(view), other.name == profile.name);
  }
  config::Profile closed = profiles().openai_compatible();
  closed.openai_compatible = false;
  view.profile = &closed;
  EXPECT_FALSE(Provider::openai().serves(view));
  EXPECT_TRUE(Provider::any().serves(view));
}

TEST(ProviderTest, SaysWhatItIs) {
  EXPECT_EQ(Provider::any().name(), "proxy");
  EXPECT_EQ(Provider::openai().name(), "openai");
  EXPECT_EQ(of("lmstudio").name(), "lm-studio");
  EXPECT_TRUE(of("vllm").is_vllm());
  EXPECT_FALSE(of("vllm-mlx").is_vllm());
  EXPECT_FALSE(Provider::any().is_vllm());
}

}  // namespace
}  // namespace olla::routing
