#include "proxy/refusals.h"

#include <algorithm>

#include "proxy/answer.h"
#include "proxy/fleet_answers.h"
#include "proxy/messages_route.h"
#include "vllm/errors.h"

namespace olla::proxy {
namespace {

// Requests end all the time; anything shorter cannot be said.
constexpr std::chrono::seconds kRoomSoon{1};

OwnAnswer later(OwnAnswer own, std::chrono::milliseconds wait) {
  const auto seconds = std::max<std::int64_t>(1, (wait.count() + 999) / 1000);
  own.extra_fields = "Retry-After: " + std::to_string(seconds) + "\r\n";
  return own;
}

OwnAnswer unavailable(const ProxiedRequest& request, std::string_view message,
                      std::string_view code = "no_healthy_endpoint") {
  // An endpoint that comes back is noticed within its check interval.
  std::chrono::milliseconds soonest = std::chrono::seconds(60);
  for (const config::Endpoint& endpoint : request.services.config.endpoints)
    soonest = std::min(soonest, endpoint.check_interval);
  return later(error_answer(request, 503, code, message), soonest);
}

/// For one that waited, or could not: where there is no more than a lack of room, a place may be
/// free in the next moment.
OwnAnswer not_served(const ProxiedRequest& request, const Place& place, std::string_view message,
                     std::string_view code) {
  if (place.pick.reason != routing::NoPick::kAllFull) return unavailable(request, message, code);
  return later(error_answer(request, 503, code, message), kRoomSoon);
}

OwnAnswer unknown_model(const ProxiedRequest& request) {
  const Destination& destination = request.destination;
  OwnAnswer own = unknown_model_answer(*request.services.snapshot, destination.provider,
                                       request.services.config.model_aliases, *request.facts.model,
                                       destination.error_shape());
  own.tells_request_id = destination.provider.is_messages();
  return own;
}

}  // namespace

OwnAnswer error_answer(const ProxiedRequest& request, int status, std::string_view code,
                       std::string_view message) {
  return make_error(status, code, message, request.destination.error_shape());
}

Refused no_place_answer(const ProxiedRequest& request, const Place& place) {
  if (place.lack == Place::Lack::kQueueFull) {
    return {not_served(request, place, "Too many requests wait for an endpoint. Try again later.",
                       "queue_full"),
            "the queue is full"};
  }
  if (place.lack == Place::Lack::kTimeout) {
    return {
        not_served(request, place, "No endpoint could take this request in time. Try again later.",
                   "queue_timeout"),
        "no endpoint in time"};
  }
  if (request.destination.provider.is_messages()) {
    if (auto refused = explain_no_messages(request, place.pick.reason)) return std::move(*refused);
  }
  const routing::Decision& decision = request.chooser->decision();
  if (decision.status == 503 && place.pick.reason != routing::NoPick::kAllFull) {
    return {unavailable(request,
                        "No endpoint that has the model can take this request. Try again later.",
                        decision.reason),
            "the model is not available"};
  }
  switch (place.pick.reason) {
    case routing::NoPick::kSpared:
      return {guarded_route_answer(request.destination.path), "the route is guarded"};
    case routing::NoPick::kUnknownModel:
      return {unknown_model(request), "unknown model"};
    case routing::NoPick::kNoEndpoints:
      return {error_answer(request, 404, "no_endpoints",
                           "No " + std::string(request.destination.provider.name()) +
                               " endpoints available: the gateway's configuration has none."),
              "no endpoint"};
    case routing::NoPick::kAllFull:
      return {later(error_answer(request, 503, "endpoints_full",
                                 "Every endpoint that could take this request has as many as it "
                                 "may have. Try again later."),
                    kRoomSoon),
              "all endpoints are full"};
    default:
      return {unavailable(request, "No healthy endpoint could take this request. Try again later."),
              "no healthy endpoint"};
  }
}

}  // namespace olla::proxy
