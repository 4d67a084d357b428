#include "net/deadlines.h"

#include <algorithm>

namespace olla::net {

Deadline::Deadline(Deadlines& keeper) : keeper_(keeper) {
  keeper.add(*this);
}

void Deadline::expire_at(TimePoint when) {
  when_ = when;
  keeper_.note(when);
}

void Deadline::expire_after(Duration duration, TimePoint now) {
  // A huge duration must not wrap round into the past.
  expire_at(duration > TimePoint::max() - now ? TimePoint::max() : now + duration);
}

bool Deadline::keeper_stopped() const {
  return keeper_.stopped_;
}

void Deadlines::note(TimePoint when) {
  if (when < armed_for_) arm(when);
}

void Deadlines::arm(TimePoint when) {
  if (stopped_) return;
  armed_for_ = when;
  timer_.expires_at(when);
  timer_.async_wait([this](error_code error) {
    if (!error) look();
  });
}

void Deadlines::look() {
  const TimePoint now = Clock::now();
  armed_for_ = TimePoint::max();
  // Taken out first, because an expired one may destroy itself or any other; they unlink themselves
  // from whatever list they are in.
  List due;
  for (auto it = all_.begin(); it != all_.end();) {
    Deadline& deadline = *it++;
    if (deadline.when_ > now) continue;
    deadline.unlink();
    due.push_back(deadline);
  }
  while (!due.empty()) {
    Deadline& deadline = due.front();
    deadline.unlink();
    all_.push_back(deadline);
    deadline.expire_never();
    deadline.on_deadline();
  }
  TimePoint next = TimePoint::max();
  for (const Deadline& deadline : all_)
    next = std::min(next, deadline.when_);
  if (next != TimePoint::max() && next < armed_for_) arm(std::max(next, now + kTick));
}

void Deadlines::expire_all() {
  stopped_ = true;
  timer_.cancel();
  for (Deadline& deadline : all_)
    deadline.when_ = TimePoint::min();
  look();
}

}  // namespace olla::net
