#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sim/engine/replay.h"

namespace olla::sim {

/// Reads a trace as Mooncake publishes them, one JSON object a line: `timestamp` in milliseconds,
/// `input_length`, `output_length` in tokens, and `hash_ids` of the prompt's blocks of 512 tokens:
/// prompts that begin with equal ids begin with the same tokens.
///
/// Answers are cut to half of `max_model_len`, prompts to what is then left of it. Rows come back
/// in the order of their times; at least one. Errors: kMalformed, with the line in `detail`.
Result<std::vector<engine::ReplayRow>> parse_trace(std::string_view text,
                                                   std::size_t max_model_len);

}  // namespace olla::sim
