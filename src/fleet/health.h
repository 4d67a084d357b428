#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/random.h"
#include "config/config.h"

namespace olla::fleet {

enum class Health : std::uint8_t {
  kUnknown,  ///< Not checked yet.
  kHealthy,
  kUnhealthy,
};

/// "unknown", "healthy" or "unhealthy", for logs and status pages.
[[nodiscard]] const char* to_string(Health health);

/// What one check said.
enum class Verdict : std::uint8_t {
  kNone,         ///< There was no check.
  kPassed,       ///< 2xx.
  kBusy,         ///< 2xx, but after kBusyAfter. It passes.
  kOffline,      ///< No answer: not found, refused, broken off or silent.
  kUnhealthy,    ///< Another status, or no HTTP.
  kConfigError,  ///< 401 or 403: the credentials that the gateway was given are wrong.
  kRateLimited,  ///< 429: it is asked too often.
};
inline constexpr std::size_t kVerdicts = 7;

/// "passed", "busy", "offline", "unhealthy", "config_error" or "rate_limited", for metrics; "none".
[[nodiscard]] const char* to_string(Verdict verdict);

/// From here on a passed check is a slow one. As in Olla.
inline constexpr std::chrono::seconds kBusyAfter{10};

/// Of an answer with this status that took so long.
[[nodiscard]] Verdict verdict_of(int status, Duration taken);
[[nodiscard]] bool passes(Verdict verdict);

/// What the checks of an endpoint said so far, for documents. Times of the wall clock; the epoch
/// stands for never.
struct CheckReport {
  using WallTime = std::chrono::system_clock::time_point;

  Verdict last = Verdict::kNone;
  Verdict last_failure = Verdict::kNone;          ///< The last one that did not pass.
  std::uint32_t failures_in_a_row = 0;            ///< Up to and with the last check.
  Duration latency{};                             ///< Of the last check.
  WallTime checked_at{};                          ///< When the last check ended.
  WallTime next_at{};                             ///< When the next one is due.
  std::array<std::uint64_t, kVerdicts> counts{};  ///< Checks that said so, by Verdict.
};

/// Turns the results of checks into a state. The first result of all decides at once, because
/// requests that wait for a second opinion would find no endpoint; from then on the rules hold. A
/// 429 decides at once too: it names the time for which the endpoint wants to be left alone, so
/// that there is no second opinion to be had.
///
/// Not thread-safe; one per endpoint, on the thread that runs the checks.
class HealthMachine {
 public:
  explicit HealthMachine(const config::HealthRules& rules = {});

  /// Takes in the result of one check. True when state() is now another one.
  bool on_check(Verdict verdict);
  [[nodiscard]] Health state() const { return state_; }
  [[nodiscard]] std::uint32_t failures_in_a_row() const { return failures_in_a_row_; }

 private:
  [[nodiscard]] bool decides(Verdict verdict) const;

  config::HealthRules rules_;
  Health state_ = Health::kUnknown;
  std::uint32_t failures_in_a_row_ = 0;
  std::uint32_t passes_in_a_row_ = 0;
};

/// Says when an endpoint is checked: every `interval`, counted from start to start along a grid, so
/// that the cadence does not drift with the duration of the checks.
///
/// With jitter each step of the grid is shorter by a random part of the interval, up to
/// 1 / kJitterPart of it: checks of many endpoints, and of many gateways, then spread over the time
/// however they began. It is never longer, for the interval is a promise: two checks in a row that
/// begin after a moment do so within two intervals.
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

  static constexpr int kJitterPart = 10;

  /// The first check is due at `first`. `interval` is more than 0. Without `jitter` the grid is
  /// even.
  CheckSchedule(Duration interval, TimePoint first, std::optional<Random> jitter = std::nullopt);

  /// When the next check is to start, possibly in the past; nullopt while one runs.
  [[nodiscard]] std::optional<TimePoint> due() const;

  /// A check starts. None must be running.
  void started(TimePoint now);
  /// The running check has ended.
  void finished();

  /// Asks for a check at once, because a request failed; it does not move the grid. While a check
  /// runs, one more follows it: the running one may have been answered before the failure.
  void request_now(TimePoint now);
  /// No check begins before `until`, not even a requested one: the endpoint asked for it.
  void pause(TimePoint until) { paused_until_ = until; }

 private:
  [[nodiscard]] Duration step();

  Duration interval_;
  std::optional<Random> jitter_;
  TimePoint next_;                      // The next point of the grid.
  std::optional<TimePoint> requested_;  // An extra check, once.
  std::optional<TimePoint> last_start_;
  TimePoint paused_until_{};
  bool running_ = false;
};

}  // namespace olla::fleet
