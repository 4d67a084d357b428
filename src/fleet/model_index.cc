#include "fleet/model_index.h"

#include <cstddef>
#include <utility>

namespace olla::fleet {

ModelIndex::ModelIndex(std::vector<std::shared_ptr<const Listing>> listings)
    : listings_(std::move(listings)) {
  for (std::size_t i = 0; i < listings_.size(); ++i) {
    if (!listings_[i]) continue;
    for (const std::string& id : listings_[i]->ids) {
      std::vector<std::uint32_t>& found = endpoints_[id];
      // A list may name a model twice.
      if (found.empty() || found.back() != i) found.push_back(static_cast<std::uint32_t>(i));
    }
  }
}

std::span<const std::uint32_t> ModelIndex::endpoints_with(std::string_view model) const {
  const auto found = endpoints_.find(model);
  if (found == endpoints_.end()) return {};
  return found->second;
}

}  // namespace olla::fleet
