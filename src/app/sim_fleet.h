#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/commands.h"
#include "base/error.h"

namespace olla::app {

/// Reads a fleet of simulated servers:
///
///     seed: 7                      # of all
///     servers:
///       - port: 8000               # of the first of `count`
///         count: 2
///         models: [llama]
///         vllm_version: 0.11.0
///         faults: ["refuse,for=5s"]
///
/// The keys of a server are the flags of `olla sim`, with `_` for `-`; `models`, `loras` and
/// `faults` are lists. What a server does not say is as in `defaults`, but `count` is 1.
///
/// Errors: kMalformed; `detail` has a line for each, which begins with `file`.
Result<std::vector<SimFlags>> read_sim_fleet(std::string_view yaml, const std::string& file,
                                             const SimFlags& defaults);

/// The same of a file. Errors: also kRefused when it cannot be read.
Result<std::vector<SimFlags>> load_sim_fleet(const std::string& file, const SimFlags& defaults);

}  // namespace olla::app
