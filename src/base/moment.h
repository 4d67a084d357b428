#pragma once

#include <chrono>

#include "base/clock.h"

namespace olla {

/// Of the clock on the wall, which may be set: for people, never for durations.
using WallTime = std::chrono::system_clock::time_point;

/// One moment on both clocks: durations are measured on the one and shown on the other.
struct Moment {
  TimePoint steady;
  WallTime wall;

  static Moment present() { return {Clock::now(), std::chrono::system_clock::now()}; }

  /// The wall's time at `then`, as far as the wall clock was not set in between.
  [[nodiscard]] WallTime wall_at(TimePoint then) const {
    return wall + std::chrono::duration_cast<WallTime::duration>(then - steady);
  }
};

}  // namespace olla
