#pragma once

#include <string>
#include <string_view>

#include "sim/exchange.h"

/// How /v1/completions answers, key by key as vLLM 0.32 writes it.
namespace olla::sim {

/// The complete body; every choice must have finished.
std::string completion_body(const Exchange& exchange);

/// One event of a choice; `text` is new, and choice.steps belong to it. The first event of a choice
/// carries the prompt when the request wants it echoed, hence the choice is noted as echoed.
std::string completion_event(const Exchange& exchange, Choice& choice, std::string_view text);

/// The event after the last choice ended, for `include_usage`.
std::string completion_usage_event(const Exchange& exchange);

}  // namespace olla::sim
