#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/entry.h"
#include "vllm/errors.h"

namespace olla::vllm {

using models::FirstSeen;
using models::ModelEntry;

/// The models of one endpoint. The views must stay alive while a union is made of it.
struct EndpointModels {
  std::string_view endpoint;
  std::span<const ModelEntry> models;
  const FirstSeen* first_seen = nullptr;  ///< Of these models, where it is not the fleet's.
};

/// One model of the fleet.
struct FleetModel {
  /// As the first endpoint has it, but with the smallest max_model_len.
  ModelEntry entry = {};
  std::int64_t created = 0;  ///< When the gateway first saw it, Unix time in seconds.

  struct Length {
    std::string endpoint;
    std::optional<std::int64_t> max_model_len;

    friend bool operator==(const Length&, const Length&) = default;
  };
  /// By endpoint, where they differ; else empty.
  std::vector<Length> lengths = {};
};

/// The models of all `endpoints` together, each id once: the earliest seen first, among those of
/// one second the base models before the adapters, then by id. So the order does not change when an
/// endpoint comes or goes. A model that `first_seen` lacks has 0.
[[nodiscard]] std::vector<FleetModel> union_of_models(std::span<const EndpointModels> endpoints,
                                                      const FirstSeen& first_seen);

/// An answer of GET /v1/models.
[[nodiscard]] std::string models_document(std::span<const FleetModel> models);

/// One model as it stands in that list: an answer of GET /v1/models/{id}.
[[nodiscard]] std::string model_document(const FleetModel& model);

/// The model id in a path, from behind "/v1/models/" to the query: "/" may stand for itself or be
/// written %2F. nullopt when it is empty, an escape is broken, or a byte would be zero.
[[nodiscard]] std::optional<std::string> model_id_of_path(std::string_view segment);

/// The name in `served` that a client means by `asked`: the same, or else one that differs in the
/// case of ASCII letters alone. nullopt when there is none. Views into `served`.
[[nodiscard]] std::optional<std::string_view> served_name(std::string_view asked,
                                                          std::span<const std::string> served);

/// The one of `models` that a client means by `asked`, as in served_name(); nullptr: none. Into
/// `models`.
[[nodiscard]] const FleetModel* served_model(std::string_view asked,
                                             std::span<const FleetModel> models);

/// The body of the 404 with which vLLM answers a model that it does not serve, with the names that
/// exist; of very many only the first, and of a long name of the client's only the beginning.
[[nodiscard]] std::string unknown_model_error(std::string_view asked,
                                              std::span<const std::string> served,
                                              ErrorShape shape = ErrorShape::kOpenAi,
                                              std::optional<std::string_view> code_word = {});

}  // namespace olla::vllm
