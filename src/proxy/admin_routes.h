#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/head.h"
#include "proxy/services.h"
#include "routing/provider.h"

namespace olla::proxy {

/// Where a request goes that changes or exposes vLLM servers, and that vllm.admin_routes allows.
struct AdminPlan {
  std::vector<EndpointId> endpoints = {};  ///< One, or for LoRA adapters all of a base model.
  /// All of them are asked, and the answers are put together; else the one endpoint's own answer is
  /// relayed.
  bool together = false;
  std::optional<OwnAnswer> refusal = std::nullopt;  ///< When set, nobody is asked.
};

/// A client's request for such a route.
struct AdminRequest {
  const http::RequestHead& head;
  std::string_view path;    ///< Decoded, behind the provider's prefix.
  std::string_view target;  ///< The same with the query, as the client wrote it.
  std::string_view body;
  std::string_view request_id;
  routing::Provider provider = {};  ///< Of vLLM servers.
};

/// Whether the route changes which models a server lists.
[[nodiscard]] bool changes_models(std::string_view path);

/// `?endpoint=NAME` names the endpoint; without it the only one is meant. The loading and unloading
/// of a LoRA adapter goes to all endpoints that serve the base model: `?model=NAME`, or the one
/// that all serve; an adapter that is there already tells its base itself.
[[nodiscard]] AdminPlan plan_admin_request(const fleet::Snapshot& snapshot,
                                           const AdminRequest& request);

/// Asks all endpoints of such a plan and puts their answers together: status 200 when all agreed,
/// else that of the first which did not, and a list with what each said. The services and the
/// request must outlive the awaitable.
net::Awaitable<OwnAnswer> ask_together(Services& services, AdminPlan plan,
                                       const AdminRequest& request);

}  // namespace olla::proxy
