#pragma once

#include <string>
#include <string_view>

#include "sim/exchange.h"

/// How /v1/chat/completions answers, key by key as vLLM 0.32 writes it. Keys whose value is null
/// are partly written and partly left out; the recorded answers are the rule, there is no other.
namespace olla::sim {

/// The complete body; every choice must have finished.
std::string chat_body(const Exchange& exchange);

/// The event that names the role, the first one of each choice.
std::string chat_role_event(const Exchange& exchange, const Choice& choice);

/// The event with the text that the answer goes on with.
std::string chat_echo_event(const Exchange& exchange, const Choice& choice);

/// One event of a choice; `part` is new, or nullptr, and choice.steps belong to it. `last`: it
/// tells how the choice finished.
std::string chat_event(const Exchange& exchange, const Choice& choice,
                       const OutputParser::Part* part, bool last);

/// The event after the last choice ended, for `include_usage`.
std::string chat_usage_event(const Exchange& exchange);

}  // namespace olla::sim
