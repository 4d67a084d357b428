#include "fleet/health.h"

#include <algorithm>

#include "base/check.h"

namespace olla::fleet {

const char* to_string(Health health) {
  switch (health) {
    case Health::kHealthy:
      return "healthy";
    case Health::kUnhealthy:
      return "unhealthy";
    case Health::kUnknown:
      break;
  }
  return "unknown";
}

HealthMachine::HealthMachine(HealthRules rules) : rules_(rules) {
  OLLA_CHECK(rules.unhealthy_after > 0 && rules.healthy_after > 0);
}

bool HealthMachine::on_check(bool passed) {
  const Health told = passed ? Health::kHealthy : Health::kUnhealthy;
  if (told == state_) {
    contrary_in_a_row_ = 0;
    return false;
  }
  ++contrary_in_a_row_;
  const std::uint32_t needed = state_ == Health::kUnknown ? 1
                               : passed                   ? rules_.healthy_after
                                                          : rules_.unhealthy_after;
  if (contrary_in_a_row_ < needed) return false;
  state_ = told;
  contrary_in_a_row_ = 0;
  return true;
}

CheckSchedule::CheckSchedule(Duration interval, TimePoint first)
    : interval_(interval), next_(first) {
  OLLA_CHECK(interval > Duration::zero());
}

std::optional<TimePoint> CheckSchedule::due() const {
  if (running_) return std::nullopt;
  return requested_ ? std::min(*requested_, next_) : next_;
}

void CheckSchedule::started(TimePoint now) {
  OLLA_CHECK(!running_);
  running_ = true;
  last_start_ = now;
  requested_.reset();
  // A requested check before its time leaves the grid alone; a late one takes all missed points.
  if (now >= next_) next_ += ((now - next_) / interval_ + 1) * interval_;
}

void CheckSchedule::finished() {
  OLLA_CHECK(running_);
  running_ = false;
}

void CheckSchedule::request_now(TimePoint now) {
  const TimePoint wanted = last_start_ ? std::max(now, *last_start_ + kRequestedCheckGap) : now;
  requested_ = requested_ ? std::min(*requested_, wanted) : wanted;
}

}  // namespace olla::fleet
