#include "sim/engine/core.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/engine/cost_model.h"
#include "sim/engine/recorder.h"

namespace olla::sim::engine {
namespace {

constexpr std::size_t kFlightsMax = 2;

// Above all token ids of a real vocabulary, so that nothing that is known equals them.
constexpr std::uint32_t kUnknownTokens = 1U << 31U;

}  // namespace

Core::Core(std::shared_ptr<const Profile> profile, Policy policy)
    : profile_(std::move(profile)),
      scheduler_(profile_->limits, policy),
      front_end_(profile_->front_end),
      unknown_token_(kUnknownTokens) {
  stats_.kv_blocks = scheduler_.cache().blocks();
}

RequestId Core::submit(Request request, TimePoint now) {
  advance(now);
  const RequestId id(next_id_++);
  auto task = std::make_unique<Task>(id, std::move(request), now);
  while (task->rest.size() < task->request.prompt.tokens % kBlockTokens) {
    task->rest.push_back(unknown_token_++ | kUnknownTokens);
  }
  front_end_.receive(*task);
  tasks_.emplace(id, std::move(task));
  ++stats_.present;
  return id;
}

std::optional<TimePoint> Core::next_time() const {
  std::optional<TimePoint> next = next_action();
  if (next && !flights_.empty() && flights_.front().end != TimePoint::max()) {
    // Whatever is done until then can wait, as nobody sees it sooner.
    next = std::max(*next, flights_.front().end) + front_end_.delay_min();
  }
  const auto delivery = front_end_.next_delivery();
  if (!next || (delivery && *delivery < *next)) return delivery;
  return next;
}

std::optional<Output> Core::next(TimePoint now) {
  advance(now);
  while (auto delivery = front_end_.take_delivery(now)) {
    Task& task = *delivery->task;
    if (task.dropped) {
      forget_if_done(task);
      continue;
    }
    record_token(stats_, task, delivery->made, delivery->time);
    Output output{task.id, delivery->token, delivery->time, delivery->finish,
                  task.cached.value_or(0)};
    if (delivery->finish) {
      record_finish(stats_, task, *delivery->finish);
      task.dropped = true;
      --stats_.present;
      forget_if_done(task);
    }
    return output;
  }
  return std::nullopt;
}

void Core::advance(TimePoint now) {
  bool acted = false;
  for (auto action = next_action(); action && *action <= now; action = next_action()) {
    act();
    acted = true;
  }
  if (acted) update_gauges();
}

void Core::stop(RequestId id, TimePoint now) {
  advance(now);
  const auto at = tasks_.find(id);
  if (at == tasks_.end() || at->second->dropped) return;
  record_finish(stats_, *at->second, FinishReason::kStop);
  drop(*at->second);
}

void Core::abort(RequestId id, TimePoint now) {
  advance(now);
  const auto at = tasks_.find(id);
  if (at == tasks_.end() || at->second->dropped) return;
  ++stats_.aborted;
  drop(*at->second);
}

bool Core::reset_prefixes(TimePoint now) {
  advance(now);
  return scheduler_.cache().reset();
}

std::optional<TimePoint> Core::next_action() const {
  switch (phase_) {
    case Phase::kLaunching:
      return launch_end_;
    case Phase::kAwaiting:
      return std::max(cpu_, flights_.front().end);
    case Phase::kReady:
      break;
  }
  if (!flights_.empty() || !scheduler_.idle()) return cpu_;
  const auto ready = front_end_.next_ready();
  if (!ready) return std::nullopt;
  return std::max(cpu_, *ready);
}

void Core::act() {
  switch (phase_) {
    case Phase::kReady:
      begin_step();
      break;
    case Phase::kLaunching: {
      const std::size_t others = front_end_.ready_between(decided_, launch_end_);
      launched(launch_end_ +
               from_microseconds(profile_->launch.per_arrival * static_cast<double>(others)));
      break;
    }
    case Phase::kAwaiting:
      collect();
      break;
  }
}

void Core::begin_step() {
  if (flights_.empty() && scheduler_.idle()) cpu_ = std::max(cpu_, *front_end_.next_ready());
  while (Task* task = front_end_.take_ready(cpu_)) {
    scheduler_.add(*task);
  }
  Step step;
  if (!spare_.empty()) {
    step = std::move(spare_.back());
    spare_.pop_back();
  }
  scheduler_.schedule(step, cpu_);
  if (step.shares.empty()) {
    // What waits fits an empty cache, and nothing runs that has no step under way.
    OLLA_CHECK(!flights_.empty() || scheduler_.idle());
    spare_.push_back(std::move(step));
    if (!flights_.empty()) phase_ = Phase::kAwaiting;
    return;
  }
  ++stats_.steps;
  decided_ = cpu_;
  const bool has_prompts = step.work.prompt_tokens > 0;
  launch_end_ = decided_ + from_microseconds(profile_->launch.schedule) +
                launch_time(*profile_, step.work, flights_.empty());
  flights_.push_back({std::move(step), TimePoint::max()});
  if (has_prompts) {
    phase_ = Phase::kLaunching;
  } else {
    launched(launch_end_);
  }
}

/// The step that was decided on last is with the GPU at `at`.
void Core::launched(TimePoint at) {
  Flight& flight = flights_.back();
  const TimePoint begin = std::max(gpu_, decided_ + from_microseconds(profile_->launch.schedule));
  gpu_ = std::max(begin + step_time(*profile_, flight.step.work), at);
  flight.end = gpu_;
  cpu_ = at;
  phase_ = flights_.size() < kFlightsMax ? Phase::kReady : Phase::kAwaiting;
}

/// The older step is done: its tokens are known.
void Core::collect() {
  Flight flight = std::move(flights_.front());
  flights_.pop_front();
  cpu_ = std::max(cpu_, flight.end);
  phase_ = Phase::kReady;
  std::size_t tokens = 0;
  std::size_t counted = 0;
  for (const Share& share : flight.step.shares) {
    if (!accepts(share)) continue;
    ++tokens;
    counted += share.task->generated == 0 ? share.task->request.prompt.tokens + 1 : 1;
  }
  stats_.step_tokens.observe(static_cast<double>(counted));
  front_end_.begin_batch(cpu_, tokens);
  for (const Share& share : flight.step.shares) {
    Task& task = *share.task;
    --task.steps;
    if (accepts(share)) {
      give(share);
    } else {
      forget_if_done(task);
    }
  }
  spare_.push_back(std::move(flight.step));
}

bool Core::accepts(const Share& share) const {
  return share.samples && !share.task->ended && share.preemptions == share.task->preemptions;
}

void Core::give(const Share& share) {
  Task& task = *share.task;
  --task.pending;
  TokenSource::Sample sample{unknown_token_ | kUnknownTokens, false};
  if (task.request.source != nullptr) {
    sample = task.request.source->sample();
  } else {
    ++unknown_token_;
  }
  task.append(sample.token);
  std::optional<FinishReason> finish;
  if (sample.ends) {
    finish = FinishReason::kStop;
  } else if (task.generated == task.request.tokens_max) {
    finish = FinishReason::kLength;
  }
  front_end_.give(task, sample.token, finish);
  if (finish) end(task);
}

/// No more tokens will come.
void Core::end(Task& task) {
  task.ended = true;
  scheduler_.remove(task);
}

/// Nobody wants the task's tokens any more.
void Core::drop(Task& task) {
  task.dropped = true;
  --stats_.present;
  if (!task.ended) {
    front_end_.forget(task);
    end(task);
  }
  forget_if_done(task);
  update_gauges();
}

void Core::forget_if_done(Task& task) {
  if (task.ended && task.dropped && task.steps == 0 && task.outputs == 0) tasks_.erase(task.id);
}

void Core::update_gauges() {
  const KvCache& cache = scheduler_.cache();
  stats_.running = scheduler_.running();
  stats_.waiting = scheduler_.waiting();
  stats_.kv_usage = 1.0 - static_cast<double>(cache.free()) / static_cast<double>(cache.blocks());
  stats_.preemptions = scheduler_.counts().preemptions;
  stats_.queried_tokens = scheduler_.counts().queried_tokens;
  stats_.hit_tokens = scheduler_.counts().hit_tokens;
}

}  // namespace olla::sim::engine
