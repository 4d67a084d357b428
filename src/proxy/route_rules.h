#pragma once

#include <optional>
#include <string_view>

#include "fleet/snapshot.h"
#include "proxy/chooser.h"
#include "proxy/services.h"

namespace olla::proxy {

/// A request before it is sent anywhere.
struct RoutedRequest {
  std::string_view method;
  const Destination& destination;
  std::string_view body;
};

/// The refusal of a request that no server takes, or none may get: a route with another method than
/// it has, one that changes a server's models, or one that cannot mean several servers. nullopt: it
/// may be sent. The routes of vLLM that are guarded are not looked at here.
[[nodiscard]] std::optional<OwnAnswer> refuse_route(const fleet::Snapshot& snapshot,
                                                    const config::Profiles& profiles,
                                                    const RoutedRequest& request);

}  // namespace olla::proxy
