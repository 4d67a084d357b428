#include "routing/pick.h"

#include <algorithm>
#include <limits>

namespace olla::routing {
namespace {

using fleet::Condition;
using fleet::EndpointView;

/// How the endpoints of a provider are asked for the model of a request.
enum class Match : std::uint8_t {
  kAny,       ///< The request names none.
  kExact,     ///< Some list it.
  kFolded,    ///< Some list a name that differs in the case of letters.
  kUnlisted,  ///< None does, but the lists of some are not known.
  kNone,
};

bool was_tried(const EndpointView& view, std::span<const EndpointId> tried) {
  return std::find(tried.begin(), tried.end(), view.endpoint->id) != tried.end();
}

std::uint32_t load_of(const EndpointView& view) {
  return view.live->in_flight.load(std::memory_order_relaxed);
}

bool lists(const EndpointView& view, std::string_view model) {
  return view.models && std::binary_search(view.models->ids.begin(), view.models->ids.end(), model);
}

std::optional<std::string_view> spelling(const EndpointView& view, std::string_view model) {
  return view.models ? vllm::served_name(model, view.models->ids) : std::nullopt;
}

/// One choice: what has to be known of all endpoints before one can be judged.
class Choice {
 public:
  Choice(const fleet::Snapshot& snapshot, const PickRequest& request)
      : snapshot_(snapshot), request_(request) {
    survey();
  }

  Pick make() {
    if (!configured_) return {nullptr, {}, NoPick::kNoEndpoints};
    if (!usable_) return {nullptr, {}, request_.only ? NoPick::kNoneReady : NoPick::kSpared};
    if (match_ == Match::kNone) return {nullptr, {}, NoPick::kUnknownModel};
    const EndpointView* best = least_loaded();
    // When all miss the route, one of them says so; not one after the other.
    if (best == nullptr && request_.tried.empty() && !request_.route.empty()) {
      needs_route_ = false;
      best = least_loaded();
    }
    if (best == nullptr) return {nullptr, {}, any_tried_ ? NoPick::kAllTried : NoPick::kNoneReady};
    Pick pick{best};
    if (match_ == Match::kFolded) pick.model = spelling(*best, *request_.model);
    return pick;
  }

 private:
  [[nodiscard]] bool is_of_provider(const EndpointView& view) const {
    return request_.provider.serves(view);
  }
  [[nodiscard]] bool is_usable(const EndpointView& view) const {
    return is_of_provider(view) && !(request_.spares_vllm && view.is_vllm()) &&
           (!request_.only || *request_.only == view.endpoint->id);
  }

  void survey() {
    const bool names_model = request_.model && !request_.model->empty();
    match_ = names_model ? Match::kNone : Match::kAny;
    for (const EndpointView& view : snapshot_.endpoints) {
      configured_ = configured_ || is_of_provider(view);
      if (!is_usable(view)) continue;
      usable_ = true;
      if (view.condition() == Condition::kReady) wanted_ = Condition::kReady;
      if (names_model && match_ != Match::kExact) match_ = std::min(match_, match_of(view));
    }
  }

  [[nodiscard]] Match match_of(const EndpointView& view) const {
    if (!view.models) return Match::kUnlisted;
    if (lists(view, *request_.model)) return Match::kExact;
    return spelling(view, *request_.model) ? Match::kFolded : Match::kNone;
  }

  [[nodiscard]] bool has_model(const EndpointView& view) const {
    switch (match_) {
      case Match::kAny:
        return true;
      case Match::kExact:
        return lists(view, *request_.model);
      case Match::kFolded:
        return spelling(view, *request_.model).has_value();
      default:
        return !view.models;
    }
  }

  /// Whether the endpoint could take the request if it was not tried.
  [[nodiscard]] bool is_able(const EndpointView& view) const {
    return is_usable(view) && view.condition() == wanted_ && !view.addresses.empty() &&
           has_model(view);
  }
  /// Whether one that is able is to be left out for this request.
  [[nodiscard]] bool is_left_out(const EndpointView& view) const {
    return was_tried(view, request_.tried) || (needs_route_ && view.lacks_route(request_.route));
  }

  const EndpointView* least_loaded() {
    const EndpointView* best = nullptr;
    std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t ties = 0;
    for (const EndpointView& view : snapshot_.endpoints) {
      if (!is_able(view)) continue;
      any_tried_ = any_tried_ || was_tried(view, request_.tried);
      if (is_left_out(view)) continue;
      const std::uint32_t load = load_of(view);
      if (best == nullptr || load < least) {
        best = &view;
        least = load;
        ties = 0;
      }
      if (load == least) ++ties;
    }
    if (best == nullptr) return nullptr;

    // Counted in a second pass, which needs no list of the tied ones. Other threads may have moved
    // the counters since: then the last one that still fits is as good.
    std::uint32_t to_skip = request_.turn % ties;
    for (const EndpointView& view : snapshot_.endpoints) {
      if (!is_able(view) || is_left_out(view) || load_of(view) > least) continue;
      best = &view;
      if (to_skip == 0) break;
      --to_skip;
    }
    return best;
  }

  const fleet::Snapshot& snapshot_;
  const PickRequest& request_;
  bool configured_ = false;
  bool usable_ = false;
  bool needs_route_ = true;
  bool any_tried_ = false;
  Match match_ = Match::kAny;
  Condition wanted_ = Condition::kUnknown;  // kReady as soon as there is one.
};

}  // namespace

Pick pick(const fleet::Snapshot& snapshot, const PickRequest& request) {
  return Choice(snapshot, request).make();
}

fleet::Booking book(const Pick& pick) {
  return pick.view == nullptr ? fleet::Booking() : fleet::Booking(*pick.view->live);
}

}  // namespace olla::routing
