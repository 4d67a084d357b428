#include "vllm/routes.h"

#include <algorithm>
#include <array>

namespace olla::vllm {
namespace {

// The inference routes of vLLM 0.32.0 whose handlers validate a JSON object, over all kinds of
// model it serves. Not here: routes that administer a server; /invocations, which decides
// by itself what the body is; and the derender routes, whose body was not seen to be an object.
constexpr std::array<std::string_view, 24> kJsonRoutes = {
    "/classify",
    "/detokenize",
    "/generative_scoring",
    "/inference/v1/generate",
    "/pooling",
    "/rerank",
    "/score",
    "/tokenize",
    "/v1/chat/completions",
    "/v1/chat/completions/batch",
    "/v1/chat/completions/render",
    "/v1/completions",
    "/v1/completions/render",
    "/v1/embeddings",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/messages/render",
    "/v1/rerank",
    "/v1/responses",
    "/v1/responses/render",
    "/v1/score",
    "/v1/systemone",
    "/v2/embed",
    "/v2/rerank",
};

// Those that are no JSON routes of the list above.
constexpr std::array<std::string_view, 3> kOtherInferenceRoutes = {
    "/invocations",
    "/v1/chat/completions/derender",
    "/v1/completions/derender",
};

constexpr std::array<std::string_view, 6> kReadRoutes = {
    "/health", "/load", "/metrics", "/ping", "/v1/models", "/version",
};

constexpr std::string_view kModelPrefix = "/v1/models/";
constexpr std::string_view kAudioPrefix = "/v1/audio/";
constexpr std::string_view kResponsePrefix = "/v1/responses/";
constexpr std::string_view kCancelSuffix = "/cancel";

/// Most names have another size, which is compared first: a binary search would compare bytes.
template <std::size_t N>
bool is_in(const std::array<std::string_view, N>& routes, std::string_view path) {
  return std::find(routes.begin(), routes.end(), path) != routes.end();
}

}  // namespace

RouteKind route_kind(std::string_view path) {
  if (is_in(kJsonRoutes, path) || is_in(kOtherInferenceRoutes, path) ||
      !response_id_of(path).empty())
    return RouteKind::kInference;
  if (path.starts_with(kAudioPrefix) && path.find('/', kAudioPrefix.size()) == path.npos &&
      path.size() > kAudioPrefix.size())
    return RouteKind::kInference;
  if (is_in(kReadRoutes, path) || path.starts_with(kModelPrefix)) return RouteKind::kRead;
  return RouteKind::kGuarded;
}

bool matches_route(std::span<const std::string> patterns, std::string_view path) {
  return std::any_of(patterns.begin(), patterns.end(), [path](std::string_view pattern) {
    if (!pattern.ends_with('*')) return pattern == path;
    return path.starts_with(pattern.substr(0, pattern.size() - 1));
  });
}

std::string_view response_id_of(std::string_view path) {
  if (!path.starts_with(kResponsePrefix)) return {};
  std::string_view id = path.substr(kResponsePrefix.size());
  if (id.ends_with(kCancelSuffix)) id.remove_suffix(kCancelSuffix.size());
  // /v1/responses/render has no id, and is no answer.
  return id.find('/') != id.npos || id == "render" ? std::string_view() : id;
}

std::string_view route_name(std::string_view path) {
  return response_id_of(path).empty() ? path : "/v1/responses/{id}";
}

bool takes_json_object(std::string_view method, std::string_view path) {
  return method == "POST" && is_in(kJsonRoutes, path);
}

}  // namespace olla::vllm
