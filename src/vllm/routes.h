#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace olla::vllm {

/// What the route of a path means to a gateway.
enum class RouteKind : std::uint8_t {
  kInference,  ///< Asks a model something.
  kRead,       ///< Tells what a client may know: models, health, version, metrics.
  kGuarded,    ///< Changes or exposes the server, or is not known: not for every client.
};

/// The kind of a path of vLLM's API, over all versions and kinds of model. `path` is decoded, and
/// without query; compared exactly, as vLLM does.
[[nodiscard]] RouteKind route_kind(std::string_view path);

/// Whether one of `patterns` is `path`, or ends in '*' and is otherwise how `path` begins.
[[nodiscard]] bool matches_route(std::span<const std::string> patterns, std::string_view path);

/// The id in /v1/responses/{id} and /v1/responses/{id}/cancel; empty for any other path.
[[nodiscard]] std::string_view response_id_of(std::string_view path);

/// True for POST on a route where vLLM wants a JSON object as the body. `path` is the backend's
/// path, without query and without the gateway's prefix; it is compared exactly, as vLLM does.
[[nodiscard]] bool takes_json_object(std::string_view method, std::string_view path);

/// The model names in an OpenAI model list, `{"data":[{"id":...},...]}`, in its order. Entries
/// without an id that is a non-empty string are left out.
///
/// Errors: kMalformed (side kUpstream) when `json` is not JSON or has no array "data". Parses the
/// whole document: for health checks, not for the request path.
[[nodiscard]] Result<std::vector<std::string>> parse_model_list(std::string_view json);

}  // namespace olla::vllm
