#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/services.h"

namespace olla::proxy {

/// Where a request goes that changes or exposes vLLM servers, and that vllm.admin_routes allows.
struct AdminPlan {
  std::vector<EndpointId> endpoints = {};  ///< One, or for LoRA adapters all of a base model.
  /// All of them are asked, and the answers are put together; else the one endpoint's own answer is
  /// relayed.
  bool together = false;
  std::optional<OwnAnswer> refusal = std::nullopt;  ///< When set, nobody is asked.
};

/// `path` is decoded, `target` path and query behind the provider's prefix, `body` the request's.
///
/// `?endpoint=NAME` names the endpoint; without it the only one is meant. The loading and unloading
/// of a LoRA adapter goes to all endpoints that serve the base model: `?model=NAME`, or the one
/// that all serve; an adapter that is there already tells its base itself.
[[nodiscard]] AdminPlan plan_admin_request(const fleet::Snapshot& snapshot, std::string_view path,
                                           std::string_view target, std::string_view body);

/// Asks all endpoints of such a plan and puts their answers together: status 200 when all agreed,
/// else that of the first which did not, and a list with what each said.
net::Awaitable<OwnAnswer> ask_together(Services& services, AdminPlan plan, std::string path,
                                       std::string body);

}  // namespace olla::proxy
