#include "vllm/health_document.h"

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace olla::vllm {
namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(std::optional<double> number) {
  return number ? Json(*number) : Json(nullptr);
}

Json describe(const EndpointHealth& endpoint) {
  const EngineState* state = endpoint.state;
  auto age = endpoint.age_seconds;
  if (age) age = std::round(*age * 1000) / 1000;
  Json out;
  out["name"] = endpoint.name;
  out["status"] = endpoint.status;
  out["models"] = Json::array();
  for (const std::string& model : endpoint.models)
    out["models"].push_back(model);
  out["version"] = endpoint.version.empty() ? Json(nullptr) : Json(endpoint.version);
  out["model_loaded"] = endpoint.healthy && !endpoint.models.empty();
  out["gpu_memory_usage"] = number_or_null(state == nullptr ? std::nullopt : state->kv_cache_usage);
  out["num_requests_running"] = state == nullptr ? Json(nullptr) : Json(state->running);
  out["num_requests_waiting"] = state == nullptr ? Json(nullptr) : Json(state->waiting);
  out["age_seconds"] = number_or_null(age);
  return out;
}

}  // namespace

HealthDocument health_document(std::span<const EndpointHealth> endpoints) {
  std::size_t healthy = 0;
  bool model_loaded = false;
  double usage_sum = 0;
  std::size_t usage_count = 0;
  std::uint64_t running = 0;
  std::uint64_t waiting = 0;
  for (const EndpointHealth& endpoint : endpoints) {
    if (!endpoint.healthy) continue;
    ++healthy;
    model_loaded = model_loaded || !endpoint.models.empty();
    if (endpoint.state == nullptr) continue;
    running += endpoint.state->running;
    waiting += endpoint.state->waiting;
    if (!endpoint.state->kv_cache_usage) continue;
    usage_sum += *endpoint.state->kv_cache_usage;
    ++usage_count;
  }
  const char* status = healthy == endpoints.size() ? "healthy" : "degraded";
  if (healthy == 0) status = "unhealthy";

  Json document;
  document["status"] = status;
  document["model_loaded"] = model_loaded;
  document["gpu_memory_usage"] =
      usage_count == 0 ? Json(nullptr) : Json(usage_sum / static_cast<double>(usage_count));
  document["num_requests_running"] = running;
  document["num_requests_waiting"] = waiting;
  document["endpoints"] = Json::array();
  for (const EndpointHealth& endpoint : endpoints)
    document["endpoints"].push_back(describe(endpoint));
  return {.status = healthy > 0 ? 200 : 503,
          .body = document.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

}  // namespace olla::vllm
