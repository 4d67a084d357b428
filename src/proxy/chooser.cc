#include "proxy/chooser.h"

#include "vllm/routes.h"

namespace olla::proxy {

void Chooser::begin(const openai::RequestFacts& facts, std::string_view body) {
  facts_ = &facts;
  // A request that names an answer of before goes to the endpoint that keeps it.
  std::string id(vllm::response_id_of(destination_.path));
  if (id.empty() && destination_.path == "/v1/responses")
    id = openai::text_member(body, "previous_response_id").value_or("");
  if (!id.empty()) owner_ = services_.shared.response_owners.find(id);
}

Chooser::Chosen Chooser::choose(const fleet::Snapshot& snapshot) const {
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
    Chosen chosen;
    chosen.pick = pick(snapshot, services_.shared.turns.next(model));
    chosen.booking = routing::book(chosen.pick);
    // When another thread took the endpoint's last place meanwhile, it is full for the next choice.
    if (chosen.pick.view == nullptr || chosen.booking) return chosen;
  }
}

routing::Pick Chooser::pick(const fleet::Snapshot& snapshot, std::uint32_t turn) const {
  routing::PickRequest request;
  request.provider = destination_.provider;
  if (facts_->model) request.model = *facts_->model;
  request.tried = tried_;
  request.route = vllm::route_name(destination_.path);
  request.spares_vllm = vllm::route_kind(destination_.path) == vllm::RouteKind::kGuarded;
  request.only = owner_;
  request.balancer = services_.config.proxy.load_balancer;
  request.draw = {turn, services_.random.next()};
  request.now = Clock::now();
  return routing::pick(snapshot, request);
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
  return !destination_.endpoint && pick(*services_.snapshot, 0).view != nullptr;
}

}  // namespace olla::proxy
