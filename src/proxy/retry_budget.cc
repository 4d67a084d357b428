#include "proxy/retry_budget.h"

#include <algorithm>

namespace olla::proxy {
namespace {

/// Whole seconds of the clock, from 1, so that an empty slot belongs to no second of the window.
std::uint64_t second_of(TimePoint now) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  return static_cast<std::uint32_t>(seconds.count()) + 1ULL;
}

}  // namespace

void RetryBudget::Tally::add(TimePoint now) {
  const std::uint64_t second = second_of(now);
  std::atomic<std::uint64_t>& slot = seconds_[second % seconds_.size()];
  std::uint64_t seen = slot.load(std::memory_order_relaxed);
  // Another thread may have begun the second meanwhile, or counted in it.
  for (;;) {
    const std::uint64_t next = seen >> 32 == second ? seen + 1 : (second << 32) + 1;
    if (slot.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return;
  }
}

std::uint64_t RetryBudget::Tally::sum(TimePoint now) const {
  const std::uint64_t second = second_of(now);
  std::uint64_t sum = 0;
  for (const auto& slot : seconds_) {
    const std::uint64_t seen = slot.load(std::memory_order_relaxed);
    // A thread that looked at the clock later may have counted in the next second already.
    if ((seen >> 32) + seconds_.size() > second) sum += seen & 0xffffffffU;
  }
  return sum;
}

bool RetryBudget::has_left(TimePoint now, std::uint32_t percent, std::uint64_t in_flight) const {
  if (percent == 0) return false;
  const std::uint64_t requests = std::max(requests_.sum(now), in_flight);
  return retries_.sum(now) < kFloor + requests * percent / 100;
}

bool RetryBudget::take(TimePoint now, std::uint32_t percent, std::uint64_t in_flight) {
  if (!has_left(now, percent, in_flight)) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  retries_.add(now);
  return true;
}

}  // namespace olla::proxy
