#pragma once

#include <cstddef>

#include "app/commands.h"
#include "base/error.h"
#include "sim/engine.h"

namespace olla::app {

/// The context length of a server that nobody asked for another one.
inline constexpr std::size_t kDefaultModelLen = 8192;

/// How the engines of `olla sim` work. Reads the file of a profile that is none of the built-in.
/// Errors: kMalformed, with a `detail` for the user.
Result<sim::EngineRules> sim_rules(const SimFlags& flags);

}  // namespace olla::app
