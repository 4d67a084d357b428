#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/config.h"
#include "fleet/snapshot.h"
#include "http/head.h"
#include "proxy/services.h"
#include "routing/provider.h"
#include "vllm/errors.h"

namespace olla::proxy {

/// What is asked of the fleet as a whole, and answered by the gateway.
enum class FleetDocument : std::uint8_t {
  kHealth,
  kPing,
  kMetrics,
  kModels,
  kModel,
  kNativeModels,
  kLoad
};

/// The document that a path (decoded, without query) asks for. The model lists are there for every
/// provider, the rest for vLLM alone: elsewhere such a path belongs to an endpoint.
[[nodiscard]] std::optional<FleetDocument> fleet_document(routing::Provider provider,
                                                          std::string_view path);

/// The answer to a request for `document`. `target` is path and query behind the provider's prefix;
/// `?endpoint=NAME` in it asks for that one endpoint. All arguments must outlive the awaitable.
net::Awaitable<OwnAnswer> answer_document(Services& services, routing::Provider provider,
                                          FleetDocument document, const http::RequestHead& head,
                                          std::string_view target);

/// The 404 for a model that no endpoint of the provider lists, in vLLM's words, with the names that
/// requests may have: those of models, and the aliases of some of them.
[[nodiscard]] OwnAnswer unknown_model_answer(const fleet::Snapshot& snapshot,
                                             routing::Provider provider,
                                             std::span<const config::ModelAlias> aliases,
                                             std::string_view model, vllm::ErrorShape shape);

/// The 403 for a route that changes or exposes a server.
[[nodiscard]] OwnAnswer guarded_route_answer(std::string_view path);

/// The endpoints of a provider, of all conditions.
[[nodiscard]] std::vector<const fleet::EndpointView*> endpoints_of(const fleet::Snapshot& snapshot,
                                                                   routing::Provider provider);

/// The endpoint of that name among `endpoints`; nullptr when there is none.
[[nodiscard]] const fleet::EndpointView* find_endpoint(
    std::span<const fleet::EndpointView* const> endpoints, std::string_view name);

/// The 404 for an endpoint that is asked for by a name which none has.
[[nodiscard]] OwnAnswer no_such_endpoint_answer(
    std::span<const fleet::EndpointView* const> endpoints, std::string_view name);

/// "a, b, c": of very many only the first.
[[nodiscard]] std::string names_of(std::span<const fleet::EndpointView* const> endpoints);

}  // namespace olla::proxy
