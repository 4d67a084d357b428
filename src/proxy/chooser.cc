#include "proxy/chooser.h"

#include <array>

#include "http/field.h"
#include "vllm/routes.h"

namespace olla::proxy {
namespace {

// What the fields that tell of a choice take: room for them, not a limit.
constexpr std::size_t kFieldsBytes = 192;

constexpr std::string_view kSessionId = "X-Olla-Session-ID";

}  // namespace

void Chooser::begin(const openai::RequestFacts& facts, std::string_view body) {
  facts_ = &facts;
  if (names_model()) alias_ = routing::find_alias(services_.config.model_aliases, *facts.model);
  // A request that names an answer of before goes to the endpoint that keeps it.
  std::string id(vllm::response_id_of(destination_.path));
  if (id.empty() && destination_.path == "/v1/responses")
    id = openai::text_member(body, "previous_response_id").value_or("");
  if (!id.empty()) owner_ = services_.shared.response_owners.find(id);
}

void Chooser::join_session(const http::RequestHead& head, std::string_view body,
                           std::string_view address) {
  const config::StickySessions& rules = services_.config.proxy.sticky_sessions;
  if (!rules.enabled || destination_.endpoint) return;
  routing::SessionFacts facts;
  facts.session_id = http::find_field(head.fields, kSessionId).value_or("");
  facts.authorization = http::find_field(head.fields, "authorization").value_or("");
  facts.client = address;
  if (facts_->model) facts.model = *facts_->model;
  facts.body = body;
  session_ = routing::session_key(rules, facts);
  if (!session_) return;
  if (session_->source == config::StickyKeySource::kSessionHeader) session_id_ = facts.session_id;
  pinned_ = services_.shared.sticky_sessions.find(session_->hash, Clock::now());
  stickiness_ = pinned_ ? Stickiness::kHit : Stickiness::kMiss;
}

/// Pins the session to the endpoint that was chosen. A session that was new stays so however often
/// the request is tried.
void Chooser::note_pinned(EndpointId endpoint) {
  chose_by_session_ = services_.config.proxy.sticky_sessions.enabled;
  if (!session_ || pinned_ == endpoint) return;
  if (stickiness_ == Stickiness::kHit) stickiness_ = Stickiness::kRepin;
  services_.shared.sticky_sessions.pin(session_->hash, endpoint, Clock::now());
  pinned_ = endpoint;
}

bool Chooser::names_model() const {
  return facts_ != nullptr && !destination_.endpoint && facts_->model && !facts_->model->empty();
}

Chooser::Chosen Chooser::choose(const fleet::Snapshot& snapshot) {
  if (destination_.endpoint) {
    // Also one that is full: an administrator's request is no inference.
    const fleet::EndpointView& view = snapshot.endpoints[destination_.endpoint->value()];
    if (tried_.empty() && !view.addresses.empty()) return {{&view}, fleet::Booking(*view.live)};
    routing::Pick none;
    none.reason = routing::NoPick::kNoneReady;
    return {none, {}};
  }
  const std::string_view model = facts_->model ? *facts_->model : std::string_view();
  for (;;) {
    const Found found = find(snapshot, services_.shared.turns.next(model));
    fleet::Booking booking = routing::book(found.pick, Clock::now());
    // When another thread took the endpoint's last place meanwhile, the next choice sees that.
    if (found.pick.view != nullptr && !booking) continue;
    by_alias_ = found.pick.by_alias;
    renewal_ = found.renewal;
    if (names_model()) {
      decision_ =
          routing::decide(services_.config.model_registry, found.pick, lists_, found.fell_back);
    }
    if (found.pick.view != nullptr) note_pinned(found.pick.view->endpoint->id);
    return {found.pick, std::move(booking)};
  }
}

Chooser::Chosen Chooser::choose_another(const fleet::Snapshot& snapshot) {
  const routing::Decision decision = decision_;
  const bool by_alias = by_alias_;
  Chosen chosen = choose(snapshot);
  if (chosen.pick.view == nullptr) {
    decision_ = decision;
    by_alias_ = by_alias;
  }
  return chosen;
}

/// The endpoint that has the model; without one, where the configuration allows it, any other.
Chooser::Found Chooser::find(const fleet::Snapshot& snapshot, std::uint32_t turn) const {
  routing::PickRequest request = pick_request(turn);
  Found found{.pick = routing::pick(snapshot, request)};
  if (!names_model()) return found;
  // Who keeps an answer of before is found without a list.
  if (services_.config.model_discovery.enabled && !owner_)
    found.renewal = routing::renewal(services_.config.model_registry, found.pick);
  const routing::NoPick reason = found.pick.reason;
  if (found.pick.view != nullptr ||
      !routing::falls_back(services_.config.model_registry, reason, lists_))
    return found;
  request.model.reset();
  request.alias_of = {};
  found.pick = routing::pick(snapshot, request);
  found.fell_back = reason;
  return found;
}

routing::PickRequest Chooser::pick_request(std::uint32_t turn) const {
  routing::PickRequest request;
  request.provider = destination_.provider;
  if (facts_->model) request.model = *facts_->model;
  if (alias_ != nullptr) request.alias_of = alias_->models;
  request.tried = tried_;
  request.route = vllm::route_name(destination_.path);
  request.spares_vllm = vllm::route_kind(destination_.path) == vllm::RouteKind::kGuarded;
  if (destination_.provider.profile() == nullptr && !destination_.provider.is_messages())
    request.known_for_it = services_.config.profiles->with_path(destination_.path);
  request.only = owner_;
  request.preferred = pinned_;
  request.max_imbalance = services_.config.proxy.sticky_sessions.max_imbalance;
  request.balancer = services_.config.proxy.load_balancer;
  request.draw = {turn, services_.random.next()};
  request.now = Clock::now();
  return request;
}

void Chooser::append_fields(std::string& out) const {
  out.reserve(out.size() + kFieldsBytes);
  if (names_model()) routing::append_fields(decision_, *facts_->model, out);
  if (!chose_by_session_) return;
  static constexpr std::array<std::string_view, 4> kWords = {"disabled", "hit", "miss", "repin"};
  out.append("X-Olla-Sticky-Session: ").append(kWords[static_cast<std::size_t>(stickiness_)]);
  out.append("\r\n");
  if (!session_) return;
  out.append("X-Olla-Sticky-Key-Source: ").append(routing::to_string(session_->source));
  out.append("\r\n");
  if (!session_id_.empty()) out.append(kSessionId).append(": ").append(session_id_).append("\r\n");
}

std::string Chooser::kind() const {
  const std::string_view route = vllm::route_name(destination_.path);
  std::string kind(destination_.provider.name());
  for (const auto& only : {destination_.endpoint, owner_})
    kind.append(" ").append(only ? std::to_string(only->value()) : "-");
  // Whatever the route and the name of the model hold, no two pairs of them read the same.
  kind.append(" ").append(std::to_string(route.size())).append(" ").append(route);
  kind.append(facts_->model.value_or(""));
  return kind;
}

bool Chooser::another_can() const {
  return !destination_.endpoint && find(*services_.snapshot, 0).pick.view != nullptr;
}

routing::NoPick Chooser::reason() const {
  const routing::Pick pick = find(*services_.snapshot, 0).pick;
  return pick.view == nullptr ? pick.reason : routing::NoPick::kAllFull;
}

}  // namespace olla::proxy
