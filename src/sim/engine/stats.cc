#include "sim/engine/stats.h"

namespace olla::sim::engine {
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
constexpr std::array kSampleBounds = {1.0, 2.0, 5.0, 10.0, 20.0};
constexpr std::array kPreemptionBounds = {1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0};
constexpr std::array kStepBounds = {1.0,   8.0,    16.0,   32.0,   64.0,   128.0,  256.0,
                                    512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0};

}  // namespace

Stats::Stats()
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
      request_max_tokens(kTokenCountBounds),
      request_max_generation_tokens(kTokenCountBounds),
      request_computed_tokens(kTokenCountBounds),
      request_samples(kSampleBounds),
      request_preemptions(kPreemptionBounds),
      step_tokens(kStepBounds) {}

}  // namespace olla::sim::engine
