#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace olla::routing {

/// Which endpoints a client's path asks for.
enum class Provider : std::uint8_t {
  kVllm,    ///< Those of type "vllm".
  kOpenAi,  ///< Those that speak the OpenAI API: every type.
  kAny,     ///< All.
};

struct Route {
  Provider provider = Provider::kAny;
  /// What the backend is asked for: byte for byte what follows the prefix, query included. Begins
  /// with '/'. Points into the target.
  std::string_view path;
};

/// The route of a request target in origin form, such as "/olla/vllm/v1/models?x=1". nullopt when
/// it begins with none of /olla/vllm/, /olla/openai/ and /olla/proxy/, compared exactly.
[[nodiscard]] std::optional<Route> match_route(std::string_view target);

/// Whether endpoints of the type, by its canonical name, belong to the provider.
[[nodiscard]] bool serves(Provider provider, std::string_view type);

}  // namespace olla::routing
