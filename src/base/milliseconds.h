#pragma once

#include <chrono>

#include "base/clock.h"

namespace olla {

/// As logs, documents and headers tell durations, fractions included.
[[nodiscard]] inline double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace olla
