#include "sim/engine/steady_pace.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/engine/recorder.h"

namespace olla::sim::engine {

SteadyPace::SteadyPace(const Rules& rules) : rules_(rules) {
  OLLA_CHECK(rules.max_num_seqs > 0 && rules.num_gpu_blocks > 0);
  stats_.kv_blocks = rules.num_gpu_blocks;
}

RequestId SteadyPace::submit(Request request, TimePoint now) {
  const RequestId id(next_id_++);
  Task& task = tasks_.try_emplace(id, id, std::move(request), now).first->second;
  task.queued = now;
  ++stats_.present;
  if (stats_.running < rules_.max_num_seqs) {
    start(task, now);
  } else {
    queue_.push_back(id);
    ++stats_.waiting;
  }
  return id;
}

std::optional<TimePoint> SteadyPace::next_time() const {
  // An entry of an ended request may be at the top: the caller then asks once for nothing.
  if (due_.empty()) return std::nullopt;
  return due_.top().time;
}

std::optional<Output> SteadyPace::next(TimePoint now) {
  while (!due_.empty() && !tasks_.contains(due_.top().id)) {
    due_.pop();
  }
  if (due_.empty() || due_.top().time > now) return std::nullopt;
  const Due due = due_.top();
  due_.pop();
  const auto at = tasks_.find(due.id);
  Task& task = at->second;
  TokenSource::Sample sample;
  if (task.request.source != nullptr) sample = task.request.source->sample();
  ++task.generated;
  use_tokens(1, 0);
  record_token(stats_, task, due.time, due.time);
  stats_.step_tokens.observe(1);
  Output output{due.id, sample.token, due.time, std::nullopt, 0};
  if (sample.ends) {
    output.finish = FinishReason::kStop;
  } else if (task.generated == task.request.tokens_max) {
    output.finish = FinishReason::kLength;
  }
  if (output.finish) {
    record_finish(stats_, task, *output.finish);
    remove(at, due.time);
  } else {
    due_.push({due.time + rules_.itl, due.id});
  }
  return output;
}

void SteadyPace::stop(RequestId id, TimePoint now) {
  const auto at = tasks_.find(id);
  if (at == tasks_.end()) return;
  record_finish(stats_, at->second, FinishReason::kStop);
  remove(at, now);
}

void SteadyPace::abort(RequestId id, TimePoint now) {
  const auto at = tasks_.find(id);
  if (at == tasks_.end()) return;
  ++stats_.aborted;
  remove(at, now);
}

bool SteadyPace::reset_prefixes(TimePoint now) {
  (void)now;
  return running_tokens_ == 0;
}

void SteadyPace::start(Task& task, TimePoint now) {
  task.running = true;
  task.started = now;
  ++stats_.running;
  use_tokens(task.request.prompt.tokens, 0);
  due_.push({now + rules_.ttft, task.id});
}

void SteadyPace::start_waiting(TimePoint now) {
  while (!queue_.empty() && stats_.running < rules_.max_num_seqs) {
    const RequestId id = queue_.front();
    queue_.pop_front();
    const auto at = tasks_.find(id);
    if (at == tasks_.end()) continue;  // aborted while it waited
    --stats_.waiting;
    start(at->second, now);
  }
}

void SteadyPace::remove(Tasks::iterator at, TimePoint now) {
  --stats_.present;
  if (at->second.running) {
    --stats_.running;
    use_tokens(0, at->second.length());
  } else {
    --stats_.waiting;
  }
  tasks_.erase(at);
  start_waiting(now);
}

void SteadyPace::use_tokens(std::size_t more, std::size_t fewer) {
  running_tokens_ += more - fewer;
  const auto room = static_cast<double>(rules_.num_gpu_blocks * kBlockTokens);
  stats_.kv_usage = std::min(static_cast<double>(running_tokens_) / room, 1.0);
}

}  // namespace olla::sim::engine
