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

routing::Pick Chooser::choose(const fleet::Snapshot& snapshot) const {
  if (destination_.endpoint) {
    const fleet::EndpointView& view = snapshot.endpoints[destination_.endpoint->value()];
    if (!tried_.empty() || view.addresses.empty())
      return {nullptr, {}, routing::NoPick::kNoneReady};
    return {&view};
  }
  routing::PickRequest request;
  request.provider = destination_.provider;
  if (facts_->model) request.model = *facts_->model;
  request.tried = tried_;
  request.route = vllm::route_name(destination_.path);
  request.spares_vllm = vllm::route_kind(destination_.path) == vllm::RouteKind::kGuarded;
  request.only = owner_;
  request.turn = services_.shared.turn.fetch_add(1, std::memory_order_relaxed);
  return routing::pick(snapshot, request);
}

bool Chooser::another_can() const {
  return choose(*services_.snapshot).view != nullptr;
}

}  // namespace olla::proxy
