#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

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

/// What to call the route of a path: the path, with {id} in place of an answer's id.
[[nodiscard]] std::string_view route_name(std::string_view path);

/// True for POST on a route where vLLM wants a JSON object as the body. `path` is the backend's
/// path, without query and without the gateway's prefix; it is compared exactly, as vLLM does.
[[nodiscard]] bool takes_json_object(std::string_view method, std::string_view path);

}  // namespace olla::vllm
