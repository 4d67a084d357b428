#include "proxy/inference_routes.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>

#include "vllm/routes.h"

namespace olla::proxy {
namespace {

/// Inference routes that servers have under names of their own: in Ollama's, llama.cpp's,
/// LiteLLM's, SGLang's, LMDeploy's and vLLM's API. All of them take POST alone, but for SGLang's
/// /generate, which takes PUT too.
constexpr std::string_view kNative[] = {
    "/api/generate", "/api/chat",    "/api/embeddings", "/api/embed",
    "/completion",   "/embedding",   "/infill",         "/chat/completions",
    "/completions",  "/embeddings",  "/generate",       "/tokenize",
    "/detokenize",   "/pooling",     "/v1/encode",      "/v1/messages",
    "/v1/rerank",    "/v1/tokenize", "/v1/detokenize",  "/v1/chat/completions/vision",
};

constexpr std::string_view kEngines = "/engines/";

/// What stands behind the /v1/ of servers that have the usual routes under another prefix:
/// Lemonade, LM Studio, OpenVINO, Docker (with or without the name of an engine).
std::optional<std::string_view> behind_other_prefix(std::string_view path) {
  for (const std::string_view prefix : {"/api/v0/", "/api/v1/", "/v3/", "/anthropic/v1/"})
    if (path.starts_with(prefix)) return path.substr(prefix.size());
  if (!path.starts_with(kEngines)) return std::nullopt;
  path.remove_prefix(kEngines.size());
  constexpr std::string_view kVersion = "v1/";
  if (path.starts_with(kVersion)) return path.substr(kVersion.size());
  path.remove_prefix(std::min(path.size(), path.find('/')));
  constexpr std::string_view kVersionOfEngine = "/v1/";
  if (!path.starts_with(kVersionOfEngine)) return std::nullopt;
  return path.substr(kVersionOfEngine.size());
}

}  // namespace

bool ends_as_native_inference(std::string_view path) {
  return std::any_of(std::begin(kNative), std::end(kNative),
                     [path](std::string_view end) { return path.ends_with(end); });
}

bool is_inference(std::string_view path) {
  if (std::find(std::begin(kNative), std::end(kNative), path) != std::end(kNative)) return true;
  if (const auto rest = behind_other_prefix(path))
    return vllm::route_kind("/v1/" + std::string(*rest)) == vllm::RouteKind::kInference;
  return vllm::route_kind(path) == vllm::RouteKind::kInference;
}

}  // namespace olla::proxy
