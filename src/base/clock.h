#pragma once

#include <chrono>

namespace olla {

/// The clock of deadlines and durations. State machines take a TimePoint as an argument and never
/// read it themselves, so that tests and simulations move time by hand.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

}  // namespace olla
