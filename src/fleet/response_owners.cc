#include "fleet/response_owners.h"

namespace olla::fleet {

void ResponseOwners::remember(std::string_view response_id, EndpointId owner) {
  if (response_id.empty() || response_id.size() > kIdBytesMax) return;
  std::string id(response_id);
  const std::lock_guard lock(mutex_);
  const auto [place, is_new] = owners_.insert_or_assign(id, owner);
  if (!is_new) return;
  in_order_.push_back(std::move(id));
  if (in_order_.size() <= kMax) return;
  owners_.erase(in_order_.front());
  in_order_.pop_front();
}

std::optional<EndpointId> ResponseOwners::find(std::string_view response_id) const {
  const std::string id(response_id);
  const std::lock_guard lock(mutex_);
  const auto found = owners_.find(id);
  if (found == owners_.end()) return std::nullopt;
  return found->second;
}

}  // namespace olla::fleet
