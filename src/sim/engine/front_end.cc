#include "sim/engine/front_end.h"

#include <algorithm>

#include "sim/engine/cost_model.h"

namespace olla::sim::engine {

void FrontEnd::receive(Task& task) {
  const auto tokens = static_cast<double>(task.request.prompt.tokens);
  const TimePoint ready =
      task.arrived + from_microseconds(costs_.before + costs_.before_per_token * tokens);
  task.queued = ready;
  task.order = turn_;
  arrivals_.insert({ready, turn_++, &task});
}

void FrontEnd::forget(Task& task) {
  arrivals_.erase({task.queued, task.order, &task});
}

std::optional<TimePoint> FrontEnd::next_ready() const {
  if (arrivals_.empty()) return std::nullopt;
  return arrivals_.begin()->ready;
}

Task* FrontEnd::take_ready(TimePoint now) {
  if (arrivals_.empty() || arrivals_.begin()->ready > now) return nullptr;
  Task* task = arrivals_.begin()->task;
  arrivals_.erase(arrivals_.begin());
  task->order = turn_++;  // Its place among those that wait.
  return task;
}

std::size_t FrontEnd::ready_between(TimePoint after, TimePoint until) const {
  std::size_t count = 0;
  for (const Arrival& arrival : arrivals_) {
    if (arrival.ready > until) break;
    if (arrival.ready > after) ++count;
  }
  return count;
}

void FrontEnd::begin_batch(TimePoint time, std::size_t count) {
  made_ = time;
  begun_ = std::max(time, free_);
  free_ = begun_ + from_microseconds(costs_.per_event * static_cast<double>(count));
}

void FrontEnd::give(Task& task, std::uint32_t token, std::optional<FinishReason> finish) {
  double delay = costs_.after;
  if (task.generated == 1) {
    delay += costs_.after_per_token * static_cast<double>(task.request.prompt.tokens);
  }
  // A client never has a token before the one that goes before it.
  const TimePoint time = std::max(begun_ + from_microseconds(delay), task.sent);
  task.sent = time;
  ++task.outputs;
  deliveries_.push({time, turn_++, &task, made_, token, finish});
}

std::optional<TimePoint> FrontEnd::next_delivery() const {
  if (deliveries_.empty()) return std::nullopt;
  return deliveries_.top().time;
}

std::optional<Delivery> FrontEnd::take_delivery(TimePoint now) {
  if (deliveries_.empty() || deliveries_.top().time > now) return std::nullopt;
  const Delivery delivery = deliveries_.top();
  deliveries_.pop();
  --delivery.task->outputs;
  return delivery;
}

Duration FrontEnd::delay_min() const {
  return from_microseconds(costs_.after);
}

}  // namespace olla::sim::engine
