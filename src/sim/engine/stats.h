#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sim/engine/histogram.h"

namespace olla::sim::engine {

/// What an engine did so far, as vLLM's metrics count it.
struct Stats {
  Stats();

  std::size_t present = 0;  ///< Taken and not at their end; also what is on its way in or out.
  std::size_t running = 0;
  std::size_t waiting = 0;
  double kv_usage = 0;        ///< Blocks in use, of all; 0 to 1.
  std::size_t kv_blocks = 0;  ///< All of them.
  std::uint64_t preemptions = 0;
  std::uint64_t queried_tokens = 0;  ///< Looked up in the prefix cache.
  std::uint64_t hit_tokens = 0;      ///< And found there.
  std::uint64_t prompt_tokens = 0;   ///< Counted when a request has its first token.
  std::uint64_t cached_tokens = 0;   ///< Of these the ones that were not computed.
  std::uint64_t generation_tokens = 0;
  std::uint64_t steps = 0;
  std::array<std::uint64_t, 2> finished{};  ///< By FinishReason.
  /// Requests whose client left. vLLM counts these nowhere.
  std::uint64_t aborted = 0;

  // Seconds; observed when a request finishes, except the first two.
  Histogram time_to_first_token;
  Histogram inter_token_latency;
  Histogram e2e_latency;
  Histogram queue_time;
  Histogram inference_time;
  Histogram prefill_time;
  Histogram decode_time;
  Histogram time_per_output_token;
  // Of finished requests.
  Histogram request_prompt_tokens;
  Histogram request_generation_tokens;
  Histogram request_max_tokens;
  Histogram request_max_generation_tokens;
  Histogram request_computed_tokens;  ///< Of the prompt, those that were not cached.
  Histogram request_samples;
  Histogram request_preemptions;
  Histogram step_tokens;  ///< Prompt tokens computed and tokens given, of each step.
};

}  // namespace olla::sim::engine
