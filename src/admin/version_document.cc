#include "admin/version_document.h"

namespace olla::admin {
namespace {

#if defined(__aarch64__)
constexpr const char* kPlatform = "linux/arm64";
#elif defined(__x86_64__)
constexpr const char* kPlatform = "linux/amd64";
#else
constexpr const char* kPlatform = "linux/unknown";
#endif

}  // namespace

Json version_document() {
  const Json paths = {
      {"health", "/internal/health"},   {"metrics", "/internal/metrics"},
      {"process", "/internal/process"}, {"status", "/internal/status"},
      {"version", "/version"},
  };
  // Olla's keys. What speaks of Go tells the compiler; a build from a source archive knows neither
  // its commit nor, so that it can be made again byte for byte, its date.
  return {
      {"name", "Olla"},
      {"version", "v" OLLA_VERSION},
      {"edition", "C++"},
      {"description", "An LLM gateway for vLLM servers"},
      {"build",
       {{"commit", "none"},
        {"date", "unknown"},
        {"go_version", "g++ " __VERSION__},
        {"platform", kPlatform}}},
      {"api", {{"version", "v1"}, {"endpoints", paths}}},
      {"links", {{"homepage", ""}, {"documentation", ""}, {"releases", ""}}},
      {"capabilities",
       {"load_balancing", "health_checking", "rate_limiting", "model_unification",
        "endpoint_discovery", "passthrough_anthropic"}},
      {"capabilities_experimental", Json::array()},
      {"supported_backends",
       {"ollama", "lemonade", "litellm", "llamacpp", "lmdeploy", "lm_studio", "omlx", "sglang",
        "vllm", "vllm-mlx", "openai_compatible", "docker-model-runner"}},
  };
}

}  // namespace olla::admin
