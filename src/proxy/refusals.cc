#include "proxy/refusals.h"

#include <algorithm>

#include "proxy/answer.h"
#include "proxy/fleet_answers.h"
#include "vllm/errors.h"

namespace olla::proxy {
namespace {

OwnAnswer unavailable(const ProxiedRequest& request, std::string_view message) {
  OwnAnswer own = error_answer(request, 503, "no_healthy_endpoint", message);
  // An endpoint that comes back is noticed within its check interval.
  std::chrono::milliseconds soonest = std::chrono::seconds(60);
  for (const config::Endpoint& endpoint : request.services.config.endpoints)
    soonest = std::min(soonest, endpoint.check_interval);
  const auto seconds = std::max<std::int64_t>(1, (soonest.count() + 999) / 1000);
  own.extra_fields = "Retry-After: " + std::to_string(seconds) + "\r\n";
  return own;
}

}  // namespace

OwnAnswer error_answer(const ProxiedRequest& request, int status, std::string_view code,
                       std::string_view message) {
  return make_error(status, code, message, vllm::error_shape_of(request.destination.path));
}

Refused no_endpoint_answer(const ProxiedRequest& request, routing::NoPick reason) {
  switch (reason) {
    case routing::NoPick::kSpared:
      return {guarded_route_answer(request.destination.path), "the route is guarded"};
    case routing::NoPick::kUnknownModel:
      return {unknown_model_answer(*request.services.snapshot, request.destination.provider,
                                   *request.facts.model, request.destination.path),
              "unknown model"};
    case routing::NoPick::kNoEndpoints:
      return {error_answer(request, 404, "no_endpoints",
                           "No " + std::string(request.destination.provider.name()) +
                               " endpoints available: the gateway's configuration has none."),
              "no endpoint"};
    default:
      return {unavailable(request, "No healthy endpoint could take this request. Try again later."),
              "no healthy endpoint"};
  }
}

}  // namespace olla::proxy
