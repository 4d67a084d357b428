#include "routing/provider.h"

#include <algorithm>

namespace olla::routing {
namespace {

constexpr std::string_view kPrefix = "/olla/";
constexpr std::string_view kBareApi = "/v1/";

// The first vLLM with /v1/messages.
constexpr vllm::Version kFirstMessages{.minor = 11, .patch = 1};

bool speaks_messages(const fleet::EndpointView& view) {
  if (view.profile->messages_path.empty()) return false;
  return !view.vllm_version || view.vllm_version->is_at_least(kFirstMessages);
}

std::optional<Provider> provider_of(std::string_view prefix, const config::Profiles& profiles) {
  if (prefix == "proxy") return Provider::any();
  if (prefix == "anthropic") return Provider::messages();
  const config::Profile* profile = profiles.of_prefix(prefix);
  if (profile == nullptr) return std::nullopt;
  if (profile == &profiles.openai_compatible()) return Provider::openai();
  return Provider::of(*profile);
}

}  // namespace

bool Provider::serves(const fleet::EndpointView& view) const {
  switch (kind_) {
    case Kind::kAny:
      return true;
    case Kind::kOpenAi:
      return view.profile->openai_compatible;
    case Kind::kMessages:
      return speaks_messages(view);
    case Kind::kProfile:
      break;
  }
  return view.profile == profile_ || view.profile->name == profile_->name;
}

std::string_view Provider::name() const {
  if (profile_ != nullptr) return profile_->name;
  switch (kind_) {
    case Kind::kOpenAi:
      return "openai";
    case Kind::kMessages:
      return "anthropic";
    default:
      return "proxy";
  }
}

std::optional<Route> match_route(std::string_view target, const config::Profiles& profiles) {
  if (target.starts_with(kBareApi)) return Route{Provider::openai(), target};
  if (!target.starts_with(kPrefix)) return std::nullopt;
  std::string_view rest = target.substr(kPrefix.size());
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const auto provider = provider_of(rest.substr(0, end), profiles);
  if (!provider) return std::nullopt;
  rest.remove_prefix(end);
  return Route{*provider, rest.starts_with('/') ? rest : std::string_view()};
}

}  // namespace olla::routing
