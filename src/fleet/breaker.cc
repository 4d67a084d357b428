#include "fleet/breaker.h"

#include <algorithm>

namespace olla::fleet {
namespace {

// The word: 2 bits of state, 14 bits of failures in a row, 48 bits of milliseconds, which is when
// the last failure of a closed breaker was, when an open one opened, or when the request of a
// half-open one began. 48 bits last 8900 years.
constexpr std::uint64_t kClosed = 0;
constexpr std::uint64_t kOpen = 1;
constexpr std::uint64_t kProbing = 2;
constexpr unsigned kTimeBits = 48;
constexpr unsigned kFailureBits = 14;
constexpr std::uint64_t kFailuresMax = (1ULL << kFailureBits) - 1;
constexpr std::uint64_t kTimeMax = (1ULL << kTimeBits) - 1;

std::uint64_t make(std::uint64_t state, std::uint64_t failures, std::uint64_t at_ms) {
  return state << (kTimeBits + kFailureBits) | std::min(failures, kFailuresMax) << kTimeBits |
         (at_ms & kTimeMax);
}

std::uint64_t state_of(std::uint64_t word) {
  return word >> (kTimeBits + kFailureBits);
}

std::uint64_t failures_of(std::uint64_t word) {
  return word >> kTimeBits & kFailuresMax;
}

std::uint64_t time_of(std::uint64_t word) {
  return word & kTimeMax;
}

std::uint64_t in_ms(TimePoint time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

TimePoint from_ms(std::uint64_t ms) {
  return TimePoint(std::chrono::milliseconds(ms));
}

}  // namespace

const char* to_string(Breaker::State state) {
  switch (state) {
    case Breaker::State::kClosed:
      return "closed";
    case Breaker::State::kOpen:
      return "open";
    case Breaker::State::kHalfOpen:
      break;
  }
  return "half_open";
}

Breaker::Breaker(const config::Breaker& rules)
    : failures_(rules.enabled ? std::max(1u, rules.failures) : 0),
      open_for_ms_(static_cast<std::uint64_t>(rules.open_for.count())),
      early_ms_(std::min<std::uint64_t>(open_for_ms_, kEarlyProbe.count())) {}

bool Breaker::lets_in(std::uint64_t word, std::uint64_t now_ms, std::uint64_t wait_ms) const {
  if (state_of(word) == kClosed) return true;
  // A request that has been trying for as long as a breaker stays open has gone stale: it may hang,
  // or generate for an hour.
  return now_ms >= time_of(word) + (state_of(word) == kOpen ? wait_ms : open_for_ms_);
}

bool Breaker::admits_after(TimePoint now, std::uint64_t wait_ms) const {
  return lets_in(word_.load(std::memory_order_relaxed), in_ms(now), wait_ms);
}

Breaker::Pass Breaker::enter(TimePoint now) {
  const std::uint64_t now_ms = in_ms(now);
  std::uint64_t word = word_.load(std::memory_order_relaxed);
  for (;;) {
    if (!lets_in(word, now_ms, early_ms_)) return {};
    if (state_of(word) == kClosed) return {.entered = true, .began_ms = now_ms};
    const std::uint64_t probe = make(kProbing, failures_of(word), now_ms);
    // Of two that enter in one millisecond the later finds its own word: it is not stale yet.
    if (word_.compare_exchange_weak(word, probe, std::memory_order_relaxed))
      return {.entered = true, .probe = probe, .began_ms = now_ms};
  }
}

void Breaker::note_success(const Pass& pass) {
  std::uint64_t word = word_.load(std::memory_order_relaxed);
  // Also one that went stale closes the breaker: where every answer takes that long, no other would
  // ever do.
  const std::uint64_t expected = pass.probe != 0 ? kProbing : kClosed;
  while (word != 0 && state_of(word) == expected &&
         !word_.compare_exchange_weak(word, 0, std::memory_order_relaxed)) {
  }
}

bool Breaker::note_failure(const Pass& pass, TimePoint now) {
  if (failures_ == 0) return false;
  const std::uint64_t now_ms = in_ms(now);
  if (pass.probe != 0) {
    std::uint64_t word = pass.probe;
    const std::uint64_t open = make(kOpen, failures_of(word) + 1, now_ms);
    if (!word_.compare_exchange_strong(word, open, std::memory_order_relaxed)) return false;
    note_opened(now_ms);
    return true;
  }
  std::uint64_t word = word_.load(std::memory_order_relaxed);
  while (state_of(word) == kClosed) {
    const std::uint64_t last_ms = time_of(word);
    if (pass.began_ms != 0 && pass.began_ms < last_ms && now_ms < last_ms + kTogether.count())
      return false;
    const std::uint64_t failures = failures_of(word) + 1;
    const bool opens = failures >= std::min<std::uint64_t>(failures_, kFailuresMax);
    const std::uint64_t next =
        opens ? make(kOpen, failures, now_ms) : make(kClosed, failures, now_ms);
    if (!word_.compare_exchange_weak(word, next, std::memory_order_relaxed)) continue;
    if (opens) note_opened(now_ms);
    return opens;
  }
  return false;
}

void Breaker::leave(const Pass& pass) {
  if (pass.probe == 0) return;
  std::uint64_t word = pass.probe;
  const std::uint64_t opened = opened_at_ms_.load(std::memory_order_relaxed);
  word_.compare_exchange_strong(word, make(kOpen, failures_of(word), opened),
                                std::memory_order_relaxed);
}

void Breaker::note_opened(std::uint64_t now_ms) {
  opened_at_ms_.store(now_ms, std::memory_order_relaxed);
  opened_count_.fetch_add(1, std::memory_order_relaxed);
}

Breaker::Report Breaker::report(TimePoint now) const {
  const std::uint64_t word = word_.load(std::memory_order_relaxed);
  Report report;
  report.failures_in_a_row = static_cast<std::uint32_t>(failures_of(word));
  report.opened_count = opened_count_.load(std::memory_order_relaxed);
  if (report.opened_count > 0)
    report.opened_at = from_ms(opened_at_ms_.load(std::memory_order_relaxed));
  if (state_of(word) == kClosed) return report;
  const std::uint64_t half_open = time_of(word) + open_for_ms_;
  const bool open = state_of(word) == kOpen && in_ms(now) < half_open;
  report.state = open ? State::kOpen : State::kHalfOpen;
  if (open) report.half_open_at = from_ms(half_open);
  return report;
}

}  // namespace olla::fleet
