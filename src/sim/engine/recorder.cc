#include "sim/engine/recorder.h"

#include <algorithm>

namespace olla::sim::engine {
namespace {

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double number(std::size_t count) {
  return static_cast<double>(count);
}

}  // namespace

void record_token(Stats& stats, Task& task, TimePoint made, TimePoint now) {
  if (task.tokens == 0) {
    task.first = made;
    stats.prompt_tokens += task.request.prompt.tokens;
    stats.cached_tokens += task.cached.value_or(0);
    stats.time_to_first_token.observe(seconds(now - task.arrived));
  } else {
    stats.inter_token_latency.observe(seconds(made - task.latest));
  }
  task.latest = made;
  task.delivered = now;
  ++task.tokens;
  ++stats.generation_tokens;
}

void record_finish(Stats& stats, const Task& task, FinishReason reason) {
  ++stats.finished.at(static_cast<std::size_t>(reason));
  const double decode = seconds(task.latest - task.first);
  stats.e2e_latency.observe(seconds(task.delivered - task.arrived));
  stats.queue_time.observe(seconds(task.started - task.queued));
  stats.inference_time.observe(seconds(task.latest - task.started));
  stats.prefill_time.observe(seconds(task.first - task.started));
  stats.decode_time.observe(decode);
  const double gaps = task.tokens > 1 ? number(task.tokens - 1) : 0.0;
  stats.time_per_output_token.observe(gaps > 0 ? decode / gaps : 0.0);
  const std::size_t prompt = task.request.prompt.tokens;
  stats.request_prompt_tokens.observe(number(prompt));
  stats.request_computed_tokens.observe(number(prompt - std::min(prompt, task.cached.value_or(0))));
  stats.request_generation_tokens.observe(number(task.tokens));
  stats.request_max_tokens.observe(number(task.request.tokens_max));
  stats.request_max_generation_tokens.observe(number(task.tokens));
  stats.request_samples.observe(number(task.request.samples));
  stats.request_preemptions.observe(number(task.preemptions));
}

}  // namespace olla::sim::engine
