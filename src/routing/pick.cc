#include "routing/pick.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/check.h"
#include "config/endpoints.h"

namespace olla::routing {
namespace {

using fleet::Condition;
using fleet::EndpointRow;
using fleet::EndpointView;

static_assert(kEndpointsMax >= config::kEndpointsMax);

/// How an endpoint has the model of a request; the earlier, the better.
enum class Match : std::uint8_t {
  kAny,            ///< The request names none.
  kAlias,          ///< It lists one of the models that the alias stands for.
  kExact,          ///< It lists it.
  kFolded,         ///< It lists a name that differs in the case of letters.
  kUnlistedAlias,  ///< Its list is not known, and the name is an alias.
  kUnlisted,       ///< Its list is not known.
  kNone,
};

// The unit of weights: fine enough for the share of an endpoint that starts slowly.
constexpr std::uint32_t kWeightUnit = 256;

std::uint32_t weight_of(const EndpointRow& row, const EndpointView& view, TimePoint now) {
  const std::uint32_t whole = row.weight * kWeightUnit;
  if (!row.warms_up) return std::max(1u, whole);
  return std::max(1u, static_cast<std::uint32_t>(whole * view.share(now)));
}

bool was_tried(const EndpointView& view, std::span<const EndpointId> tried) {
  return std::find(tried.begin(), tried.end(), view.endpoint->id) != tried.end();
}

bool lists(const EndpointView& view, std::string_view model) {
  return std::binary_search(view.models->ids.begin(), view.models->ids.end(), model);
}

std::optional<std::string_view> spelling(const EndpointView& view, std::string_view model) {
  return view.models ? vllm::served_name(model, view.models->ids) : std::nullopt;
}

/// What the endpoint calls the first of the models that it has.
std::optional<std::string_view> first_of(const EndpointView& view,
                                         std::span<const std::string> models) {
  for (const std::string& model : models) {
    if (const auto name = spelling(view, model)) return name;
  }
  return std::nullopt;
}

/// One choice: finds the candidates, and lets the policy choose among them.
class Choice {
 public:
  Choice(const fleet::Snapshot& snapshot, const PickRequest& request)
      : snapshot_(snapshot), request_(request) {
    OLLA_CHECK(snapshot.endpoints.size() <= kEndpointsMax);
  }

  Pick make() {
    if (!survey_listed()) survey();
    if (!configured_) return none(NoPick::kNoEndpoints);
    if (!usable_) return none(request_.only ? NoPick::kNoneReady : NoPick::kSpared);
    if (match_ == Match::kNone)
      return none(others_have_it() ? NoPick::kOtherProviders : NoPick::kUnknownModel);
    collect(/*needs_route=*/true);
    // When all miss the route, one of them says so; not one after the other.
    if (size_ == 0 && any_misses_ && !any_full_ && !any_open_ && request_.tried.empty())
      collect(/*needs_route=*/false);
    if (size_ == 0 && early_ != nullptr) return picked(*early_);
    if (size_ == 0) {
      return none(any_full_    ? NoPick::kAllFull
                  : any_open_  ? NoPick::kAllOpen
                  : any_tried_ ? NoPick::kAllTried
                               : NoPick::kNoneReady);
    }
    const std::span<Candidate> all(candidates_.data(), size_);
    const Candidate* preferred = request_.preferred ? find_preferred(all) : nullptr;
    const Candidate chosen =
        preferred != nullptr ? *preferred : choose(request_.balancer, all, request_.draw);
    return picked(snapshot_.endpoints[chosen.index]);
  }

 private:
  [[nodiscard]] Pick none(NoPick reason) const {
    Pick pick;
    pick.reason = reason;
    pick.by_alias = is_by_alias();
    pick.in_doubt = is_in_doubt();
    pick.able = able_;
    return pick;
  }

  [[nodiscard]] Pick picked(const EndpointView& view) const {
    Pick pick{&view};
    pick.by_alias = is_by_alias();
    pick.in_doubt = is_in_doubt();
    pick.able = able_;
    if (match_ == Match::kAlias) pick.model = first_of(view, request_.alias_of);
    if (match_ == Match::kUnlistedAlias) pick.model = request_.alias_of.front();
    if (match_ == Match::kFolded) pick.model = spelling(view, *request_.model);
    if (pick.model == request_.model) pick.model.reset();
    return pick;
  }

  /// The preferred one, unless it is too busy or no candidate.
  [[nodiscard]] const Candidate* find_preferred(std::span<const Candidate> all) const {
    const Candidate* found = nullptr;
    std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
    for (const Candidate& one : all) {
      least = std::min(least, one.load);
      if (snapshot_.endpoints[one.index].endpoint->id == *request_.preferred) found = &one;
    }
    const bool too_busy = found != nullptr && request_.max_imbalance > 0 &&
                          found->load - least > request_.max_imbalance;
    return too_busy ? nullptr : found;
  }

  [[nodiscard]] bool is_by_alias() const {
    return match_ == Match::kAlias || match_ == Match::kUnlistedAlias;
  }
  [[nodiscard]] bool is_in_doubt() const {
    return match_ == Match::kUnlisted || match_ == Match::kUnlistedAlias;
  }
  [[nodiscard]] bool is_of_provider(const EndpointView& view) const {
    return request_.provider.serves(view);
  }
  [[nodiscard]] bool misses_route(const EndpointView& view) const {
    if (view.lacks_route(request_.route)) return true;
    const auto known = request_.known_for_it;
    return !known.empty() && std::find(known.begin(), known.end(), view.profile) == known.end();
  }
  /// Of one of the provider's.
  [[nodiscard]] bool is_usable(const EndpointView& view) const {
    return !(request_.spares_vllm && view.is_vllm()) &&
           (!request_.only || *request_.only == view.endpoint->id);
  }
  /// Both, of the endpoint at `i`.
  [[nodiscard]] bool serves(std::size_t i) const {
    // The same table of profiles has nearly always made both.
    if (snapshot_.rows[i].profile != request_.provider.profile() &&
        !is_of_provider(snapshot_.endpoints[i]))
      return false;
    return (!request_.spares_vllm && !request_.only) || is_usable(snapshot_.endpoints[i]);
  }
  [[nodiscard]] bool names_model() const { return request_.model && !request_.model->empty(); }

  /// The same as survey() for the most frequent request, one for a model that an endpoint lists by
  /// exactly that name: nothing but such endpoints is a candidate then, and the snapshot knows
  /// them. False when it is no such request, and nothing is known yet.
  bool survey_listed() {
    if (!names_model() || !request_.alias_of.empty()) return false;
    listed_ = snapshot_.model_index->endpoints_with(*request_.model);
    for (const std::uint32_t i : listed_) {
      if (!serves(i)) continue;
      usable_ = true;
      if (snapshot_.rows[i].condition != Condition::kReady) continue;
      wanted_ = Condition::kReady;
      break;
    }
    if (!usable_) {
      listed_ = {};
      return false;
    }
    configured_ = true;
    match_ = Match::kExact;
    // Endpoints not checked yet stand in only while none is ready, whatever that one's models.
    if (wanted_ != Condition::kReady && any_ready()) wanted_ = Condition::kReady;
    return true;
  }

  [[nodiscard]] bool any_ready() const {
    return std::any_of(
        snapshot_.endpoints.begin(), snapshot_.endpoints.end(), [this](const EndpointView& view) {
          return is_of_provider(view) && is_usable(view) && view.condition() == Condition::kReady;
        });
  }

  /// Judges each endpoint by itself, and finds what has to be known of all of them before one can
  /// be a candidate: how the model is had, and whether one is ready.
  void survey() {
    match_ = names_model() ? Match::kNone : Match::kAny;
    spelled_ = names_model() && is_spelled();
    for (std::size_t i = 0; i < snapshot_.endpoints.size(); ++i) {
      const EndpointView& view = snapshot_.endpoints[i];
      Trait& trait = traits_[i];
      trait.usable = false;
      if (!is_of_provider(view)) continue;
      configured_ = true;
      if (!is_usable(view)) continue;
      usable_ = true;
      trait.usable = true;
      trait.condition = view.condition();
      if (trait.condition == Condition::kReady) wanted_ = Condition::kReady;
      trait.match = names_model() ? match_of(view) : Match::kAny;
      match_ = std::min(match_, trait.match);
    }
  }

  /// Whether any endpoint lists the model or what its alias stands for. If not, the thousand lists
  /// need not be searched for another spelling.
  [[nodiscard]] bool is_spelled() const {
    const fleet::ModelIndex& index = *snapshot_.model_index;
    return index.has_spelling(*request_.model) ||
           std::any_of(request_.alias_of.begin(), request_.alias_of.end(),
                       [&index](const std::string& model) { return index.has_spelling(model); });
  }

  /// Does not look for what is no better than what another endpoint has.
  [[nodiscard]] Match match_of(const EndpointView& view) const {
    if (!view.models) return request_.alias_of.empty() ? Match::kUnlisted : Match::kUnlistedAlias;
    if (!spelled_) return Match::kNone;
    if (!request_.alias_of.empty() && first_of(view, request_.alias_of)) return Match::kAlias;
    if (match_ >= Match::kExact && lists(view, *request_.model)) return Match::kExact;
    return match_ >= Match::kFolded && spelling(view, *request_.model) ? Match::kFolded
                                                                       : Match::kNone;
  }

  /// Whether an endpoint lists the model that this request may not go to.
  [[nodiscard]] bool others_have_it() const {
    return spelled_ && std::any_of(snapshot_.endpoints.begin(), snapshot_.endpoints.end(),
                                   [this](const EndpointView& view) {
                                     return !is_of_provider(view) &&
                                            (spelling(view, *request_.model) ||
                                             first_of(view, request_.alias_of));
                                   });
  }

  /// Fills the candidates.
  void collect(bool needs_route) {
    able_ = 0;
    if (listed_.empty()) {
      for (std::size_t i = 0; i < snapshot_.endpoints.size(); ++i) {
        const Trait& trait = traits_[i];
        if (trait.usable && trait.match == match_ && trait.condition == wanted_)
          consider(snapshot_.rows[i], i, needs_route);
      }
      return;
    }
    const bool first_try = request_.tried.empty() && request_.known_for_it.empty();
    for (const std::uint32_t i : listed_) {
      const EndpointRow& row = snapshot_.rows[i];
      if (row.condition != wanted_ || !serves(i)) continue;
      if (first_try && is_plain(row)) {
        take(row, i);
      } else {
        consider(row, i, needs_route);
      }
    }
  }

  /// Whether nothing about the endpoint has to be looked up elsewhere, as of nearly all.
  static bool is_plain(const EndpointRow& row) {
    return row.has_address && row.max_concurrent == 0 && !row.misses_routes && !row.warms_up &&
           row.live->breaker.is_sound();
  }

  /// Of a plain one.
  void take(const EndpointRow& row, std::size_t i) {
    ++able_;
    candidates_[size_++] = {static_cast<std::uint32_t>(i),
                            row.live->in_flight.load(std::memory_order_relaxed),
                            std::max(1u, row.weight * kWeightUnit), row.priority};
  }

  /// Takes the endpoint at `i` for a candidate, or notes why it is none.
  void consider(const EndpointRow& row, std::size_t i, bool needs_route) {
    if (!row.has_address) return;
    ++able_;
    if (is_out(snapshot_.endpoints[i], needs_route)) return;
    const std::uint32_t load = row.live->in_flight.load(std::memory_order_relaxed);
    if (row.max_concurrent > 0 && load >= row.max_concurrent) {
      any_full_ = true;
    } else if (!row.live->breaker.admits(request_.now)) {
      any_open_ = true;
      consider_early(snapshot_.endpoints[i]);
    } else {
      candidates_[size_++] = {static_cast<std::uint32_t>(i), load,
                              weight_of(row, snapshot_.endpoints[i], request_.now), row.priority};
    }
  }

  /// Whether the request was there already, or would be refused for its path.
  bool is_out(const EndpointView& view, bool needs_route) {
    if (was_tried(view, request_.tried)) {
      any_tried_ = true;
      return true;
    }
    const bool misses = needs_route && misses_route(view);
    any_misses_ = any_misses_ || misses;
    return misses;
  }

  void consider_early(const EndpointView& view) {
    if (!view.live->breaker.admits_early(request_.now)) return;
    const auto opened_at = view.live->breaker.report(request_.now).opened_at;
    if (early_ != nullptr && opened_at >= early_opened_at_) return;
    early_ = &view;
    early_opened_at_ = opened_at;
  }

  struct Trait {
    bool usable;
    Condition condition;
    Match match;
  };

  const fleet::Snapshot& snapshot_;
  const PickRequest& request_;
  bool configured_ = false;
  bool usable_ = false;
  bool any_tried_ = false;
  bool any_misses_ = false;
  bool any_full_ = false;
  bool any_open_ = false;
  bool spelled_ = false;
  std::span<const std::uint32_t> listed_;  // Those that can be candidates; empty: all.
  const EndpointView* early_ = nullptr;    // Its breaker is open, and opened first.
  std::optional<TimePoint> early_opened_at_;
  Match match_ = Match::kAny;
  Condition wanted_ = Condition::kUnknown;  // kReady as soon as there is one.
  std::uint32_t able_ = 0;
  std::size_t size_ = 0;  // Of candidates_.
  // Not initialised: only what was filled is read, and there may be three endpoints.
  std::array<Trait, kEndpointsMax> traits_;
  std::array<Candidate, kEndpointsMax> candidates_;
};

}  // namespace

Pick pick(const fleet::Snapshot& snapshot, const PickRequest& request) {
  return Choice(snapshot, request).make();
}

fleet::Booking book(const Pick& pick, TimePoint now) {
  if (pick.view == nullptr) return {};
  return fleet::Booking::admitted(*pick.view->live, pick.view->endpoint->config.max_concurrent,
                                  now);
}

}  // namespace olla::routing
