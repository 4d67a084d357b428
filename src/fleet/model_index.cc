#include "fleet/model_index.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace olla::fleet {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::size_t ModelIndex::AlikeHash::operator()(std::string_view name) const {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(lower(c))) * 0x100000001b3;
  }
  return hash;
}

bool ModelIndex::Alike::operator()(std::string_view one, std::string_view other) const {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

ModelIndex::ModelIndex(std::vector<std::shared_ptr<const Listing>> listings)
    : listings_(std::move(listings)) {
  std::size_t names = 0;
  for (const auto& listing : listings_) {
    if (listing) names += listing->ids.size();
  }
  endpoints_.reserve(names);
  spellings_.reserve(names);
  for (std::size_t i = 0; i < listings_.size(); ++i) {
    if (!listings_[i]) continue;
    for (const std::string& id : listings_[i]->ids) {
      std::vector<std::uint32_t>& found = endpoints_[id];
      if (found.empty()) spellings_.insert(id);
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

bool ModelIndex::has_spelling(std::string_view model) const {
  return spellings_.contains(model);
}

}  // namespace olla::fleet
