#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sim/dialect.h"
#include "sim/engine.h"

namespace olla::sim {

/// What the exposition says besides the engine's figures.
struct MetricsLabels {
  std::string_view model;      ///< The first served name.
  double created_seconds = 0;  ///< When the server started, since 1970.
  Dialect dialect = Dialect::kNew;
  int sleep_level = 0;         ///< 0: awake.
  std::uint64_t rejected = 0;  ///< Requests refused because the queue was full.
  std::size_t max_model_len = 0;
};

/// The body of GET /metrics: vLLM's families, with its names, labels, bounds and help texts, in the
/// text format of Prometheus 0.0.4.
/// `engines`: at least one, all of one server and under equal rules; each has series of its own.
std::string metrics_text(std::span<const Engine* const> engines, const MetricsLabels& labels);

/// A number as Python's Prometheus client writes it: 0.0, 78120.0, 1.048576e+06.
std::string metrics_number(double value);

}  // namespace olla::sim
