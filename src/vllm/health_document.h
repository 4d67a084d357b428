#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vllm/engine_state.h"

namespace olla::vllm {

/// What the health document says about one endpoint. The views and `state` must stay alive during
/// the call of health_document().
struct EndpointHealth {
  std::string_view name = {};
  /// Requests may go there. Decides what the figures count for.
  bool healthy = false;
  /// The word in the document: "healthy", "unhealthy", "unknown", ...
  std::string_view status = {};
  std::span<const std::string> models = {};  ///< Of its last model list.
  std::string_view version = {};             ///< Of vLLM, for example "0.11.0"; empty: not known.
  const EngineState* state = nullptr;        ///< Its last figures; null: none.
  std::optional<double> age_seconds = {};    ///< How old `state` is; nullopt: none.
};

/// An answer of GET /olla/vllm/health.
struct HealthDocument {
  int status = 503;  ///< 200 while a healthy endpoint is left, else 503.
  std::string body;  ///< JSON, valid UTF-8 whatever the names hold.
};

/// The health of all `endpoints` together:
///
/// - `status`: "healthy" when all are, "degraded" when some are, "unhealthy" when none is, or when
///   there is no endpoint;
/// - `model_loaded`: a healthy endpoint has a model;
/// - `gpu_memory_usage`: mean KV-cache usage of the healthy endpoints, 0 to 1; null when none
/// tells;
/// - `num_requests_running`, `num_requests_waiting`: summed over the healthy endpoints;
/// - `endpoints`: for each, `name`, `status`, `models`, `version`, the four figures, and the
///   `age_seconds` of these, to the millisecond. What is not known is null. The figures of an
///   endpoint that is down are its last.
[[nodiscard]] HealthDocument health_document(std::span<const EndpointHealth> endpoints);

}  // namespace olla::vllm
