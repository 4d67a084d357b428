#include "sim/engine.h"

#include <utility>

#include "base/check.h"

namespace olla::sim {
namespace {

// The bounds are vLLM's own, so that dashboards and rules made for it fit.
constexpr std::array kFirstTokenBounds = {0.001, 0.005, 0.01, 0.02,  0.04,  0.06,  0.08, 0.1,
                                          0.25,  0.5,   0.75, 1.0,   2.5,   5.0,   7.5,  10.0,
                                          20.0,  40.0,  80.0, 160.0, 640.0, 2560.0};
constexpr std::array kTokenGapBounds = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,  0.3,  0.4, 0.5,
                                        0.75, 1.0,   2.5,  5.0,   7.5, 10.0, 20.0, 40.0, 80.0};
constexpr std::array kRequestBounds = {0.3,  0.5,   0.8,   1.0,   1.5,   2.0,    2.5,
                                       5.0,  10.0,  15.0,  20.0,  30.0,  40.0,   50.0,
                                       60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0};
constexpr std::array kTokenCountBounds = {1.0,   2.0,   5.0,   10.0,   20.0,  50.0,
                                          100.0, 200.0, 500.0, 1000.0, 2000.0};

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

EngineStats::EngineStats()
    : time_to_first_token(kFirstTokenBounds),
      inter_token_latency(kTokenGapBounds),
      e2e_latency(kRequestBounds),
      queue_time(kRequestBounds),
      inference_time(kRequestBounds),
      prefill_time(kRequestBounds),
      decode_time(kRequestBounds),
      time_per_output_token(kTokenGapBounds),
      request_prompt_tokens(kTokenCountBounds),
      request_generation_tokens(kTokenCountBounds),
      request_max_tokens(kTokenCountBounds) {}

Engine::Engine(const EngineRules& rules) : rules_(rules) {
  OLLA_CHECK(rules.max_num_seqs > 0);
}

SequenceId Engine::submit(Sequence sequence, TimePoint now) {
  OLLA_CHECK(sequence.tokens_max > 0);
  const SequenceId id(next_id_++);
  State& state = states_.try_emplace(id, State{std::move(sequence), now, {}, {}, {}}).first->second;
  if (stats_.running < rules_.max_num_seqs) {
    start(id, state, now);
  } else {
    queue_.push_back(id);
    ++stats_.waiting;
  }
  return id;
}

std::optional<TimePoint> Engine::next_time() const {
  // An entry of an ended sequence may be at the top: the caller then asks once for nothing.
  if (due_.empty()) return std::nullopt;
  return due_.top().time;
}

std::optional<TokenEvent> Engine::next(TimePoint now) {
  skip_ended();
  if (due_.empty() || due_.top().time > now) return std::nullopt;
  const Due due = due_.top();
  due_.pop();
  const auto at = states_.find(due.id);
  State& state = at->second;

  const bool may_end = !state.sequence.ignore_end && state.tokens >= state.sequence.tokens_min;
  TokenEvent event{due.id, state.sequence.text.next(may_end), due.time, std::nullopt};
  record_token(state, due.time);
  if (event.token == Tokenizer::kTurnEnd) {
    event.finish = FinishReason::kStop;
  } else if (state.tokens == state.sequence.tokens_max) {
    event.finish = FinishReason::kLength;
  }
  if (event.finish) {
    record_finish(state, *event.finish);
    remove(at, due.time);
  } else {
    due_.push({due.time + rules_.itl, due.id});
  }
  return event;
}

void Engine::stop(SequenceId id, TimePoint now) {
  const auto at = states_.find(id);
  if (at == states_.end()) return;
  record_finish(at->second, FinishReason::kStop);
  remove(at, now);
}

void Engine::abort(SequenceId id, TimePoint now) {
  const auto at = states_.find(id);
  if (at == states_.end()) return;
  ++stats_.aborted;
  remove(at, now);
}

void Engine::start(SequenceId id, State& state, TimePoint now) {
  state.running = true;
  state.started = now;
  ++stats_.running;
  stats_.running_tokens += state.sequence.prompt.size();
  due_.push({now + rules_.ttft, id});
}

void Engine::start_waiting(TimePoint now) {
  while (!queue_.empty() && stats_.running < rules_.max_num_seqs) {
    const SequenceId id = queue_.front();
    queue_.pop_front();
    const auto at = states_.find(id);
    if (at == states_.end()) continue;  // aborted while it waited
    --stats_.waiting;
    start(id, at->second, now);
  }
}

void Engine::record_token(State& state, TimePoint time) {
  if (state.tokens == 0) {
    state.first_token = time;
    stats_.prompt_tokens += state.sequence.prompt.size();
    stats_.time_to_first_token.observe(seconds(time - state.arrived));
  } else {
    stats_.inter_token_latency.observe(seconds(time - state.last_token));
  }
  state.last_token = time;
  ++state.tokens;
  ++stats_.running_tokens;
  ++stats_.generation_tokens;
}

void Engine::record_finish(const State& state, FinishReason reason) {
  ++stats_.finished.at(static_cast<std::size_t>(reason));
  const double decode = seconds(state.last_token - state.first_token);
  stats_.e2e_latency.observe(seconds(state.last_token - state.arrived));
  stats_.queue_time.observe(seconds(state.started - state.arrived));
  stats_.inference_time.observe(seconds(state.last_token - state.started));
  stats_.prefill_time.observe(seconds(state.first_token - state.started));
  stats_.decode_time.observe(decode);
  const double gaps = state.tokens > 1 ? static_cast<double>(state.tokens - 1) : 0.0;
  stats_.time_per_output_token.observe(gaps > 0 ? decode / gaps : 0.0);
  stats_.request_prompt_tokens.observe(static_cast<double>(state.sequence.prompt.size()));
  stats_.request_generation_tokens.observe(static_cast<double>(state.tokens));
  stats_.request_max_tokens.observe(static_cast<double>(state.sequence.tokens_max));
}

void Engine::remove(States::iterator at, TimePoint now) {
  if (at->second.running) {
    --stats_.running;
    stats_.running_tokens -= at->second.sequence.prompt.size() + at->second.tokens;
  } else {
    --stats_.waiting;
  }
  states_.erase(at);
  start_waiting(now);
}

void Engine::skip_ended() {
  while (!due_.empty() && !states_.contains(due_.top().id)) {
    due_.pop();
  }
}

}  // namespace olla::sim
