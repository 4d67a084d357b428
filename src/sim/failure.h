#pragma once

#include <cstdint>
#include <string>

#include "sim/answer.h"
#include "sim/dialect.h"

/// What a vLLM says when it cannot take a request or finish one, for reasons of its own.
namespace olla::sim {

/// How well a server is.
enum class Condition : std::uint8_t {
  kWell,
  kDraining,  ///< After SIGTERM with a shutdown timeout: what runs is finished, nothing is begun.
  kDead,      ///< The engine's process is gone, the API is still there.
  kHung,      ///< After SIGTERM without one: what runs neither goes on nor ends.
};

/// 503: the queue is full.
Answer busy_answer();

/// 500: the server shuts down. Health does not tell.
Answer shutdown_answer();

/// 500: the engine is gone.
Answer engine_dead_answer(Dialect dialect);

/// The event that a running stream gets when the engine dies, before its "[DONE]". Unlike all other
/// events it has spaces.
std::string engine_dead_event(Dialect dialect);

}  // namespace olla::sim
