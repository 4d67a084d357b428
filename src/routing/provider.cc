#include "routing/provider.h"

namespace olla::routing {
namespace {

struct Prefix {
  std::string_view text;  // Its last byte is the first one of the backend's path.
  Provider provider;
};

constexpr Prefix kPrefixes[] = {
    {"/olla/vllm/", Provider::kVllm},
    {"/olla/openai/", Provider::kOpenAi},
    {"/olla/proxy/", Provider::kAny},
};

}  // namespace

std::optional<Route> match_route(std::string_view target) {
  for (const Prefix& prefix : kPrefixes) {
    if (!target.starts_with(prefix.text)) continue;
    return Route{prefix.provider, target.substr(prefix.text.size() - 1)};
  }
  return std::nullopt;
}

bool serves(Provider provider, std::string_view type) {
  return provider != Provider::kVllm || type == "vllm";
}

}  // namespace olla::routing
