#include "fleet/snapshot.h"

#include <algorithm>

#include "base/check.h"

namespace olla::fleet {

Fleet::Fleet(std::vector<config::Endpoint> configured) : live_(configured.size()) {
  endpoints_.reserve(configured.size());
  now_.endpoints.reserve(configured.size());
  for (config::Endpoint& endpoint : configured) {
    const auto index = static_cast<std::uint32_t>(endpoints_.size());
    endpoints_.push_back({EndpointId(index), std::move(endpoint)});
    EndpointView view;
    view.endpoint = &endpoints_.back();
    view.live = &live_[index];
    now_.endpoints.push_back(std::move(view));
  }
}

std::shared_ptr<const Snapshot> Fleet::snapshot() const {
  return std::make_shared<const Snapshot>(now_);
}

bool Fleet::set_health(EndpointId id, Health health) {
  return std::exchange(view(id).health, health) != health;
}

bool Fleet::set_addresses(EndpointId id, std::vector<Address> addresses) {
  EndpointView& changed = view(id);
  if (changed.addresses == addresses) return false;
  changed.addresses = std::move(addresses);
  return true;
}

bool Fleet::set_models(EndpointId id, std::vector<std::string> models) {
  std::sort(models.begin(), models.end());
  models.erase(std::unique(models.begin(), models.end()), models.end());
  EndpointView& changed = view(id);
  if (changed.models == models) return false;
  changed.models = std::move(models);
  return true;
}

const Endpoint& Fleet::endpoint(EndpointId id) const {
  OLLA_CHECK(id.value() < endpoints_.size());
  return endpoints_[id.value()];
}

EndpointView& Fleet::view(EndpointId id) {
  OLLA_CHECK(id.value() < now_.endpoints.size());
  return now_.endpoints[id.value()];
}

}  // namespace olla::fleet
