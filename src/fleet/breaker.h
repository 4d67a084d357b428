#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "config/config.h"

namespace olla::fleet {

/// Keeps requests from an endpoint that fails one after the other.
///
///     closed --- config::Breaker::failures in a row ---> open --- open_for ---> half-open
///        ^                                                ^                     one request
///        |                                                +------ it fails -------+  |
///        +------------------------------- it succeeds -----------------------------+
///
/// What counts is told by Booking, which also holds the place of the half-open breaker's one
/// request. A request that was under way when the breaker opened says nothing about it any more. Of
/// those that were under way together and failed together one counts: a server that drops all its
/// connections at once has failed once. Disabled, it is closed for ever.
///
/// Lock-free; every thread may call everything. Times are those of one clock and may differ between
/// threads by what their calls are apart.
class Breaker {
 public:
  enum class State : std::uint8_t { kClosed, kOpen, kHalfOpen };

  /// For documents and metrics.
  struct Report {
    State state = State::kClosed;  ///< kHalfOpen: one request may go, or is on its way.
    std::uint32_t failures_in_a_row = 0;
    std::uint32_t opened_count = 0;      ///< Since the start; a failed try of half-open counts too.
    std::optional<TimePoint> opened_at;  ///< The last time; nullopt: never.
    std::optional<TimePoint> half_open_at;  ///< Of an open one: when a request may try it.
  };

  /// What enter() let in, and when. `probe` names the place of a half-open breaker's request; 0:
  /// none.
  struct Pass {
    bool entered = false;
    std::uint64_t probe = 0;
    std::uint64_t began_ms = 0;  ///< 0: not told, after every failure.
  };

  /// How soon after it opened a breaker may be tried where no other endpoint is left: a request
  /// that would be refused anyway can only win, and one a second is no load.
  static constexpr std::chrono::milliseconds kEarlyProbe{1000};

  /// Failures so soon behind one that counts are the same one, of requests that began before it.
  static constexpr std::chrono::milliseconds kTogether{250};

  explicit Breaker(const config::Breaker& rules = {});

  /// Whether a request may go to the endpoint while others are there: closed, or open for so long
  /// that one may try, and none does.
  [[nodiscard]] bool admits(TimePoint now) const {
    return is_sound() || admits_after(now, open_for_ms_);
  }
  /// Closed, and without a failure since the last success, as nearly always.
  [[nodiscard]] bool is_sound() const { return word_.load(std::memory_order_relaxed) == 0; }
  /// The same where no other endpoint is left: among those that say yes the one to try is that with
  /// the earliest opened_at.
  [[nodiscard]] bool admits_early(TimePoint now) const { return admits_after(now, early_ms_); }

  /// Lets a request in that admits() or admits_early() chose, unless another one was faster.
  [[nodiscard]] Pass enter(TimePoint now);

  /// The endpoint gave a good answer.
  void note_success(const Pass& pass);
  /// The endpoint failed. True when that opened the breaker.
  bool note_failure(const Pass& pass, TimePoint now);
  /// The request ended without saying anything about the endpoint: its place is free.
  void leave(const Pass& pass);

  /// Closed, as at the start: there is another server now. The count of openings stays.
  void reset() { word_.store(0, std::memory_order_relaxed); }

  [[nodiscard]] Report report(TimePoint now) const;

 private:
  [[nodiscard]] bool admits_after(TimePoint now, std::uint64_t wait_ms) const;
  [[nodiscard]] bool lets_in(std::uint64_t word, std::uint64_t now_ms, std::uint64_t wait_ms) const;
  void note_opened(std::uint64_t now_ms);

  // All relaxed: the word is changed by compare-and-swap alone, and nothing else is published
  // through it. It holds a state, the failures in a row and a time; closed without failures is 0.
  std::atomic<std::uint64_t> word_{0};
  std::atomic<std::uint64_t> opened_at_ms_{0};
  std::atomic<std::uint32_t> opened_count_{0};
  std::uint32_t failures_;  // 0: disabled.
  std::uint64_t open_for_ms_;
  std::uint64_t early_ms_;
};

/// "closed", "open" or "half_open", for logs, documents and metrics.
[[nodiscard]] const char* to_string(Breaker::State state);

}  // namespace olla::fleet
