#pragma once

#include "app/commands.h"
#include "sim/engine.h"

namespace olla::app {

/// Replays the trace of the flags on so many servers in virtual time, and prints what came of it.
/// Returns the exit code.
int replay_trace(const SimFlags& flags, const sim::EngineRules& rules);

}  // namespace olla::app
