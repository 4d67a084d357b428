#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace olla::fleet {

enum class Health : std::uint8_t {
  kUnknown,  ///< Not checked yet.
  kHealthy,
  kUnhealthy,
};

/// "unknown", "healthy" or "unhealthy", for logs and status pages.
[[nodiscard]] const char* to_string(Health health);

/// How many results in a row change a decided state. Both at least 1.
struct HealthRules {
  /// More than one, so that one lost packet or one long pause does not take an endpoint out.
  std::uint32_t unhealthy_after = 2;
  std::uint32_t healthy_after = 1;
};

/// Turns the results of checks into a state. The first result of all decides at once, because
/// requests that wait for a second opinion would find no endpoint; from then on `rules` hold.
///
/// Not thread-safe; one per endpoint, on the thread that runs the checks.
class HealthMachine {
 public:
  explicit HealthMachine(HealthRules rules = {});

  /// Takes in the result of one check. True when state() is now another one.
  bool on_check(bool passed);
  [[nodiscard]] Health state() const { return state_; }

 private:
  HealthRules rules_;
  Health state_ = Health::kUnknown;
  std::uint32_t contrary_in_a_row_ = 0;  // Results that speak against the state.
};

/// Says when an endpoint is checked: every `interval`, counted from start to start along a fixed
/// grid, so that the cadence does not drift with the duration of the checks.
///
/// Only one check runs at a time. One that takes longer than the interval delays the next, which
/// then comes at once; grid points that passed meanwhile are dropped, not made up for.
///
/// Sans-IO and not thread-safe: the caller sleeps until due(), calls started(), checks, and calls
/// finished().
class CheckSchedule {
 public:
  /// Shortest time from the start of one check to the start of a requested one. Many requests may
  /// fail at the same moment; they must not turn into a flood of checks.
  static constexpr Duration kRequestedCheckGap = std::chrono::milliseconds(100);

  /// The first check is due at `first`. `interval` is more than 0.
  CheckSchedule(Duration interval, TimePoint first);

  /// When the next check is to start, possibly in the past; nullopt while one runs.
  [[nodiscard]] std::optional<TimePoint> due() const;

  /// A check starts. None must be running.
  void started(TimePoint now);
  /// The running check has ended.
  void finished();

  /// Asks for a check at once, because a request failed; it does not move the grid. While a check
  /// runs, one more follows it: the running one may have been answered before the failure.
  void request_now(TimePoint now);

 private:
  Duration interval_;
  TimePoint next_;                      // The next point of the grid.
  std::optional<TimePoint> requested_;  // An extra check, once.
  std::optional<TimePoint> last_start_;
  bool running_ = false;
};

}  // namespace olla::fleet
