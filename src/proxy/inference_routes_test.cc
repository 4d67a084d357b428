#include "proxy/inference_routes.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "config/profile.h"

namespace olla::proxy {
namespace {

/// What the built-in profiles list beside the routes that ask a model something.
const std::set<std::string> kOthers = {
    "/", "/health", "/metrics", "/version", "/load", "/ping", "/v1/models", "/models",
    "/get_tokenizer_info", "/health/readiness", "/health/liveness", "/is_sleeping",
    "/v1/models/status",
    // Ollama's and LM Studio's lists.
    "/api/tags", "/api/show", "/api/ps", "/api/version", "/api/v0/models",
    // Docker's.
    "/engines/v1/models", "/engines/llama.cpp/v1/models", "/engines/vllm/v1/models",
    // Lemonade's.
    "/api/v1/health", "/api/v1/stats", "/api/v1/system-info", "/api/v1/models",
    // SGLang's: a batch may be a job that stays, and what an extension changes is not known.
    "/batch", "/extend"};

TEST(InferenceRoutesTest, EveryPathOfABuiltInProfileIsOneOrIsKnownNotToBe) {
  std::size_t inference = 0;
  for (const config::Profile& profile : config::builtin_profiles()->all()) {
    for (const std::string& path : profile.paths) {
      EXPECT_EQ(is_inference(path), !kOthers.contains(path)) << profile.name << " " << path;
      inference += is_inference(path) ? 1 : 0;
    }
    for (const std::string& path : profile.management_paths)
      EXPECT_FALSE(is_inference(path)) << profile.name << " " << path;
    if (!profile.messages_path.empty()) {
      EXPECT_TRUE(is_inference(profile.messages_path)) << profile.name;
    }
  }
  EXPECT_GT(inference, 60u);
}

TEST(InferenceRoutesTest, PrefixesOfServers) {
  for (const char* path :
       {"/v1/audio/speech", "/api/v0/completions", "/api/v1/rerank", "/v3/chat/completions",
        "/engines/v1/rerank", "/engines/mlx/v1/chat/completions", "/anthropic/v1/messages"})
    EXPECT_TRUE(is_inference(path)) << path;
  for (const char* path :
       {"", "/", "/engines", "/engines/", "/engines/v1", "/engines/v1/", "/engines/x",
        "/engines/x/v1", "/engines/x/y/v1/completions", "/engines/v1/files", "/v1/files",
        "/v1/load_lora_adapter", "/v1/threads/chat/completions", "/my/generate", "/api/pull",
        "/api/v1/pull", "/v3/", "/anthropic/v1/files"})
    EXPECT_FALSE(is_inference(path)) << path;
}

TEST(InferenceRoutesTest, EndsOfNativeRoutes) {
  EXPECT_TRUE(ends_as_native_inference("/api/chat"));
  EXPECT_TRUE(ends_as_native_inference("/engines/vllm/v1/completions"));
  EXPECT_FALSE(ends_as_native_inference("/api/ps"));
  EXPECT_FALSE(ends_as_native_inference(""));
}

}  // namespace
}  // namespace olla::proxy
