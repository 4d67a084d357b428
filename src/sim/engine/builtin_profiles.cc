#include <array>
#include <string_view>
#include <vector>

#include "sim/engine/profile.h"

namespace olla::sim::engine {
namespace {

// Steps: fitted to the step log of a vLLM 0.26.0 with the shape of Llama 3.1 8B, bf16, on one H100
// SXM. Launches and the front end: set to the recorded runs of the same server; see
// docs/simulator.md.
constexpr std::string_view kLlama8b = R"(# All times in microseconds.
name: llama-8b-h100
decode_step:
  fixed: 6447
  per_sequence: 9.0
  per_context_token: 0.0475
prompt_step:
  fixed: 4345
  per_token: 21.0
  per_pair: 0.000946
  per_context_token: 0.0377
launch:
  schedule: 600
  decode: 3000
  small_prompt: 12000
  large_prompt: 29000
  small_idle: 10500
  large_idle: 22000
  per_arrival: 7000
  graph_tokens: 512
front_end:
  before: 2000
  before_per_token: 0.6
  after: 1000
  after_per_token: 0.95
  per_event: 57
limits:
  max_num_seqs: 1024
  max_num_batched_tokens: 8192
  max_model_len: 32768
  num_gpu_blocks: 28934
  enable_prefix_caching: true
)";

// The same for the shape of Llama 3.2 1B, alone on that machine. Its decode steps wait for the CPU,
// which makes the fit a rough one; it was not loaded, so that both kinds of launches are idle ones.
// The blocks are worked out from what its weights leave.
constexpr std::string_view kLlama1b = R"(# All times in microseconds.
name: llama-1b-h100
decode_step:
  fixed: 2000
  per_sequence: 12.0
  per_context_token: 0.005
prompt_step:
  fixed: 1500
  per_token: 2.9
  per_pair: 0.00029
  per_context_token: 0.01
launch:
  schedule: 400
  decode: 1200
  small_prompt: 9000
  large_prompt: 15000
  small_idle: 9000
  large_idle: 15000
  per_arrival: 0
  graph_tokens: 512
front_end:
  before: 2000
  before_per_token: 0.6
  after: 1000
  after_per_token: 0.95
  per_event: 57
limits:
  max_num_seqs: 1024
  max_num_batched_tokens: 8192
  max_model_len: 32768
  num_gpu_blocks: 141700
  enable_prefix_caching: true
)";

// Made up: an 8B model on a card that writes as fast as people read.
constexpr std::string_view kDemo = R"(# All times in microseconds.
name: demo
decode_step:
  fixed: 24000
  per_sequence: 300
  per_context_token: 0.2
prompt_step:
  fixed: 30000
  per_token: 120
  per_pair: 0.005
  per_context_token: 0.2
launch:
  schedule: 600
  decode: 3000
  small_prompt: 12000
  large_prompt: 25000
  small_idle: 12000
  large_idle: 25000
  per_arrival: 0
  graph_tokens: 512
front_end:
  before: 2000
  before_per_token: 0.6
  after: 1000
  after_per_token: 0.95
  per_event: 57
limits:
  max_num_seqs: 64
  max_num_batched_tokens: 2048
  max_model_len: 8192
  num_gpu_blocks: 4096
  enable_prefix_caching: true
)";

constexpr std::array kTexts = {kLlama8b, kLlama1b, kDemo};

}  // namespace

std::vector<std::string_view> builtin_profile_texts() {
  return {kTexts.begin(), kTexts.end()};
}

}  // namespace olla::sim::engine
