#include "proxy/route_rules.h"

#include <algorithm>
#include <string>

#include "openai/request.h"
#include "proxy/answer.h"
#include "proxy/inference_routes.h"
#include "vllm/routes.h"

namespace olla::proxy {
namespace {

constexpr std::string_view kOllama = "ollama";

bool is_native(const config::Profiles& profiles, const Destination& destination) {
  const std::string& path = destination.path;
  const config::Profile* own = destination.provider.profile();
  const bool listed =
      own != nullptr ? std::find(own->paths.begin(), own->paths.end(), path) != own->paths.end()
                     : !profiles.with_path(path).empty();
  return listed && ends_as_native_inference(path);
}

/// The profile with endpoints of the provider that manages its server under this path; or nullptr.
const config::Profile* manager_of(const fleet::Snapshot& snapshot, const config::Profiles& profiles,
                                  const Destination& destination) {
  const config::Profile* only = destination.provider.profile();
  for (const config::Profile& profile : profiles.all()) {
    if (only != nullptr && profile.name != only->name) continue;
    if (!vllm::matches_route(profile.management_paths, destination.path)) continue;
    const bool reaches =
        std::any_of(snapshot.endpoints.begin(), snapshot.endpoints.end(), [&](const auto& view) {
          return view.profile->name == profile.name && destination.provider.serves(view);
        });
    if (reaches) return &profile;
  }
  return nullptr;
}

/// Olla's words for what it leaves out.
OwnAnswer not_implemented(std::string_view message) {
  return make_error(501, "not_implemented", message);
}

OwnAnswer managed(const config::Profile& profile, std::string_view path) {
  if (profile.name == kOllama)
    return not_implemented("model management operations not supported by proxy");
  return make_error(403, "route_not_allowed",
                    "The route " + std::string(vllm::shortened(path)) +
                        " changes a server of type " + profile.name +
                        ". A profile of the gateway's configuration may allow it.");
}

/// Ollama's questions about one model or one server, where the request does not tell which.
std::optional<OwnAnswer> refuse_ambiguous(const fleet::Snapshot& snapshot,
                                          const RoutedRequest& request) {
  const std::string& path = request.destination.path;
  const bool shows = path == "/api/show";
  if (!shows && path != "/api/list") return std::nullopt;
  const auto servers =
      std::count_if(snapshot.endpoints.begin(), snapshot.endpoints.end(),
                    [&](const auto& view) { return request.destination.provider.serves(view); });
  if (servers < 2) return std::nullopt;
  if (!shows) return not_implemented("running models list not supported in multi-instance proxy");
  const auto model = openai::text_member(request.body, "model");
  if (model && !model->empty()) return std::nullopt;
  return not_implemented("model show not supported in multi-instance proxy");
}

/// The methods of a route that servers have for inference, when the request has another one; else
/// empty. Of other servers than vLLM's the routes of the common API are known, and those that their
/// profiles list. OPTIONS is a browser's question, which servers answer themselves.
std::string_view other_methods(const config::Profiles& profiles, const RoutedRequest& request) {
  const std::string& path = request.destination.path;
  if (request.method == "POST" || request.method == "OPTIONS") return {};
  if (vllm::takes_json_object("POST", path) &&
      (request.destination.provider.is_vllm() || path.starts_with("/v1/")))
    return "POST";
  if (!is_native(profiles, request.destination)) return {};
  if (path != "/generate") return "POST";
  return request.method == "PUT" ? std::string_view() : "POST, PUT";
}

}  // namespace

std::optional<OwnAnswer> refuse_route(const fleet::Snapshot& snapshot,
                                      const config::Profiles& profiles,
                                      const RoutedRequest& request) {
  const Destination& destination = request.destination;
  const std::string_view methods = other_methods(profiles, request);
  if (!methods.empty()) {
    OwnAnswer own =
        make_error(405, "method_not_allowed", "This route takes POST.", destination.error_shape());
    own.extra_fields = "Allow: " + std::string(methods) + "\r\n";
    return own;
  }
  if (const config::Profile* profile = manager_of(snapshot, profiles, destination))
    return managed(*profile, destination.path);
  const config::Profile* own_profile = destination.provider.profile();
  if (own_profile != nullptr && own_profile->name == kOllama)
    return refuse_ambiguous(snapshot, request);
  return std::nullopt;
}

}  // namespace olla::proxy
