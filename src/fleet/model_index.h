#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "vllm/models_document.h"

namespace olla::fleet {

/// The models that an endpoint lists.
struct Listing {
  std::vector<vllm::ModelEntry> entries;  ///< In the endpoint's order.
  std::vector<std::string> ids;           ///< Of the entries, sorted.
};

/// Who lists a model, so that a choice among a thousand endpoints need not look into each list.
/// Immutable.
class ModelIndex {
 public:
  /// `listings` by the index of the endpoint; null: its list is not known.
  explicit ModelIndex(std::vector<std::shared_ptr<const Listing>> listings);

  /// The indices of the endpoints that list exactly this name, rising.
  [[nodiscard]] std::span<const std::uint32_t> endpoints_with(std::string_view model) const;

  /// Whether an endpoint lists this name, or one that differs in the case of ASCII letters alone.
  [[nodiscard]] bool has_spelling(std::string_view model) const;

 private:
  // Of names that differ in the case of letters alone, one.
  struct AlikeHash {
    std::size_t operator()(std::string_view name) const;
  };
  struct Alike {
    bool operator()(std::string_view one, std::string_view other) const;
  };

  std::vector<std::shared_ptr<const Listing>> listings_;  // What the names point into.
  std::unordered_map<std::string_view, std::vector<std::uint32_t>> endpoints_;
  std::unordered_set<std::string_view, AlikeHash, Alike> spellings_;
};

}  // namespace olla::fleet
