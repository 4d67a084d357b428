#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vllm/engine_state.h"

namespace olla::vllm {

/// What the fleet's exposition is made of, for one endpoint. The views and `state` must stay alive
/// during the call of fleet_exposition().
struct EndpointMetrics {
  std::string_view endpoint = {};                 ///< Its name, unique in the fleet.
  std::string_view text = {};                     ///< Its last /metrics; empty: none.
  const EngineState* state = nullptr;             ///< parse_metrics(text); null: none.
  std::optional<double> scrape_age_seconds = {};  ///< How old `text` is; nullopt: never scraped.
  std::string_view gpu_text = {};                 ///< The text of its dcgm-exporter; empty: none.
};

/// The Content-Type of fleet_exposition().
constexpr std::string_view kExpositionType = "text/plain; version=0.0.4; charset=utf-8";

/// One exposition for all `endpoints`, in the Prometheus text format 0.0.4. First the families of
/// the fleet:
///
/// - vllm_num_requests_running{model}, vllm_num_requests_waiting{model}: summed over endpoints;
/// - vllm_request_duration_seconds{model}: the engines' e2e_request_latency_seconds, on the bounds
///   that all endpoints of the model have;
/// - vllm_gpu_memory_usage_bytes{endpoint,gpu}, where a GPU exporter tells;
/// - olla_endpoint_scrape_age_seconds{endpoint}.
///
/// Then every family of every endpoint's text, with the label `endpoint` in front of each sample's
/// own; a label of that name becomes `exported_endpoint`, as Prometheus would name it. Timestamps
/// are left out: the scrape age tells. The numbers are copied as they stand.
///
/// Valid for every input, since a scraper refuses the whole page for one wrong line:
///
/// - HELP (the first that is not empty) and TYPE stand once, in front of the family's samples, and
///   all of these stand together;
/// - of families with one name and different types, the first is kept and the others are left out;
///   so is a family whose samples would have the names of another's, or of one of the fleet's;
/// - a family without TYPE joins the one of that name, or is untyped; so is a counter whose name
///   does not end in _total, and a type that the format does not have;
/// - a series occurs once: of several, the first is kept;
/// - lines that cannot be read, samples that do not fit their family's type and families without
///   samples are left out.
///
/// Linear in the texts, which the caller bounds; at most kFamiliesMax families.
[[nodiscard]] std::string fleet_exposition(std::span<const EndpointMetrics> endpoints);

/// Families of engines in one exposition, so that a broken server cannot blow it up; further ones
/// are left out. A vLLM has 90.
constexpr std::size_t kFamiliesMax = 2048;

}  // namespace olla::vllm
