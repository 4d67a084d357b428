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

const char* to_string(Verdict verdict) {
  static constexpr std::array<const char*, kVerdicts> kWords = {
      "none", "passed", "busy", "offline", "unhealthy", "config_error", "rate_limited"};
  return kWords.at(static_cast<std::size_t>(verdict));
}

Verdict verdict_of(int status, Duration taken) {
  if (status >= 200 && status < 300) return taken > kBusyAfter ? Verdict::kBusy : Verdict::kPassed;
  if (status == 401 || status == 403) return Verdict::kConfigError;
  return status == 429 ? Verdict::kRateLimited : Verdict::kUnhealthy;
}

bool passes(Verdict verdict) {
  return verdict == Verdict::kPassed || verdict == Verdict::kBusy;
}

HealthMachine::HealthMachine(const config::HealthRules& rules) : rules_(rules) {
  OLLA_CHECK(rules.unhealthy_after > 0 && rules.healthy_after > 0);
}

bool HealthMachine::on_check(Verdict verdict) {
  OLLA_CHECK(verdict != Verdict::kNone);
  const bool passed = passes(verdict);
  failures_in_a_row_ = passed ? 0 : failures_in_a_row_ + 1;
  passes_in_a_row_ = passed ? passes_in_a_row_ + 1 : 0;
  const Health told = passed ? Health::kHealthy : Health::kUnhealthy;
  if (told == state_ || !decides(verdict)) return false;
  state_ = told;
  return true;
}

bool HealthMachine::decides(Verdict verdict) const {
  if (state_ == Health::kUnknown || verdict == Verdict::kRateLimited) return true;
  return passes(verdict) ? passes_in_a_row_ >= rules_.healthy_after
                         : failures_in_a_row_ >= rules_.unhealthy_after;
}

CheckSchedule::CheckSchedule(Duration interval, TimePoint first, std::optional<Random> jitter)
    : interval_(interval), jitter_(jitter), next_(first) {
  OLLA_CHECK(interval > Duration::zero());
}

Duration CheckSchedule::step() {
  if (!jitter_) return interval_;
  const auto most = static_cast<std::uint64_t>((interval_ / kJitterPart).count());
  return interval_ - Duration(static_cast<Duration::rep>(jitter_->below(most + 1)));
}

std::optional<TimePoint> CheckSchedule::due() const {
  if (running_) return std::nullopt;
  return std::max(requested_ ? std::min(*requested_, next_) : next_, paused_until_);
}

void CheckSchedule::started(TimePoint now) {
  OLLA_CHECK(!running_);
  running_ = true;
  last_start_ = now;
  requested_.reset();
  // A requested check before its time leaves the grid alone; a late one takes all missed points.
  if (now < next_) return;
  next_ += (now - next_) / interval_ * interval_ + step();
  // A step that is shorter than an interval may end before now.
  if (next_ <= now) next_ = now + step();
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
