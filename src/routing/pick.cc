#include "routing/pick.h"

#include <algorithm>
#include <limits>

namespace olla::routing {
namespace {

using fleet::EndpointView;
using fleet::Health;

bool lists(const EndpointView& view, std::string_view model) {
  return std::binary_search(view.models.begin(), view.models.end(), model);
}

bool was_tried(const EndpointView& view, std::span<const EndpointId> tried) {
  return std::find(tried.begin(), tried.end(), view.endpoint->id) != tried.end();
}

std::uint32_t load_of(const EndpointView& view) {
  return view.live->in_flight.load(std::memory_order_relaxed);
}

// What has to be known of all endpoints of a provider before one can be judged.
struct Survey {
  bool configured = false;
  Health wanted = Health::kUnknown;  // kHealthy as soon as there is one.
  bool model_listed = false;
};

Survey survey(const fleet::Snapshot& snapshot, const PickRequest& request) {
  Survey result;
  for (const EndpointView& view : snapshot.endpoints) {
    if (!serves(request.provider, view.endpoint->config.type)) continue;
    result.configured = true;
    if (view.health == Health::kHealthy) result.wanted = Health::kHealthy;
    if (request.model && lists(view, *request.model)) result.model_listed = true;
  }
  return result;
}

// Whether the endpoint could take the request if it was not tried.
bool is_able(const EndpointView& view, const PickRequest& request, const Survey& survey) {
  return view.health == survey.wanted && !view.addresses.empty() &&
         serves(request.provider, view.endpoint->config.type) &&
         (!survey.model_listed || lists(view, *request.model));
}

}  // namespace

Pick pick(const fleet::Snapshot& snapshot, const PickRequest& request) {
  const Survey all = survey(snapshot, request);
  if (!all.configured) return {nullptr, NoPick::kNoEndpoints};

  const EndpointView* best = nullptr;
  std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t ties = 0;
  bool any_tried = false;
  for (const EndpointView& view : snapshot.endpoints) {
    if (!is_able(view, request, all)) continue;
    if (was_tried(view, request.tried)) {
      any_tried = true;
      continue;
    }
    const std::uint32_t load = load_of(view);
    if (best == nullptr || load < least) {
      best = &view;
      least = load;
      ties = 0;
    }
    if (load == least) ++ties;
  }
  if (best == nullptr) return {nullptr, any_tried ? NoPick::kAllTried : NoPick::kNoneHealthy};

  // Counted in a second pass, which needs no list of the tied ones. Other threads may have moved
  // the counters since: then the last one that still fits is as good.
  std::uint32_t to_skip = request.turn % ties;
  for (const EndpointView& view : snapshot.endpoints) {
    if (!is_able(view, request, all) || was_tried(view, request.tried) || load_of(view) > least)
      continue;
    best = &view;
    if (to_skip == 0) break;
    --to_skip;
  }
  return {best};
}

fleet::Booking book(const Pick& pick) {
  return pick.view == nullptr ? fleet::Booking() : fleet::Booking(*pick.view->live);
}

}  // namespace olla::routing
