#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "config/profile.h"
#include "fleet/snapshot.h"

namespace olla::routing {

/// Which endpoints a client's path asks for. A small value; the table of profiles that it comes
/// from must outlive it.
class Provider {
 public:
  /// Every endpoint.
  constexpr Provider() = default;
  [[nodiscard]] static constexpr Provider any() { return {}; }
  /// Those that speak the OpenAI API.
  [[nodiscard]] static constexpr Provider openai() { return Provider(Kind::kOpenAi, nullptr); }
  /// Those that speak Anthropic's Messages API.
  [[nodiscard]] static constexpr Provider messages() { return Provider(Kind::kMessages, nullptr); }
  /// Those of one kind.
  [[nodiscard]] static constexpr Provider of(const config::Profile& profile) {
    return Provider(Kind::kProfile, &profile);
  }

  [[nodiscard]] bool serves(const fleet::EndpointView& view) const;
  /// The kind of its endpoints; nullptr when they may be of several.
  [[nodiscard]] const config::Profile* profile() const { return profile_; }
  /// Whether its endpoints are those of type "vllm".
  [[nodiscard]] bool is_vllm() const { return profile_ != nullptr && profile_->name == "vllm"; }
  [[nodiscard]] bool is_messages() const { return kind_ == Kind::kMessages; }
  /// For messages: "vllm", "openai", "proxy", "anthropic".
  [[nodiscard]] std::string_view name() const;

  friend bool operator==(const Provider&, const Provider&) = default;

 private:
  enum class Kind : std::uint8_t { kAny, kOpenAi, kMessages, kProfile };

  constexpr Provider(Kind kind, const config::Profile* profile) : kind_(kind), profile_(profile) {}

  Kind kind_ = Kind::kAny;
  const config::Profile* profile_ = nullptr;
};

struct Route {
  Provider provider;
  /// What the endpoint is asked for: byte for byte what follows the prefix, query included. Begins
  /// with '/', or is empty when the target is a prefix without the slash behind it. Points into the
  /// target.
  std::string_view path;
};

/// The route of a request target in origin form: "/olla/vllm/v1/models?x=1" for one of the prefixes
/// of the profiles, /olla/proxy/ for any endpoint, /olla/anthropic/ for those with the Messages
/// API, and /v1/..., which is /olla/openai/v1/... for clients that take only a host. All is
/// compared exactly. nullopt when it is none of these. `profiles` must outlive the route.
[[nodiscard]] std::optional<Route> match_route(std::string_view target,
                                               const config::Profiles& profiles);

}  // namespace olla::routing
