#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vllm/models_document.h"

namespace olla::vllm {

/// A part of the list of models, as clients of Anthropic's API ask for it.
struct ModelsPage {
  std::optional<std::size_t> limit = std::nullopt;  ///< Models at most; absent: all.
  std::optional<std::string> after_id = std::nullopt;
  std::optional<std::string> before_id = std::nullopt;
};

/// Anthropic's limits on the parameter `limit`.
inline constexpr std::size_t kModelsPageMax = 1000;

/// The page that these parameters of a query ask for; nullopt when `limit` is no number from 1 to
/// kModelsPageMax.
[[nodiscard]] std::optional<ModelsPage> models_page_of(const std::optional<std::string>& limit,
                                                       std::optional<std::string> after_id,
                                                       std::optional<std::string> before_id);

/// An answer of Anthropic's GET /v1/models: the models behind `after_id` and before `before_id`, of
/// those the first, or with `before_id` the last. An id that is not in the list is no bound.
[[nodiscard]] std::string messages_models_document(std::span<const FleetModel> models,
                                                   const ModelsPage& page);

/// One model as it stands in that list.
[[nodiscard]] std::string messages_model_document(const FleetModel& model);

}  // namespace olla::vllm
