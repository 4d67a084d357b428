#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "vllm/engine_state.h"

namespace olla::vllm {

/// Reads a vLLM server's answer to GET /metrics: one pass over the text, looking only at the lines
/// whose figures EngineState has. Linear; memory does not grow with the text beyond
/// kModelsMax models.
///
/// Names may begin with `vllm:`, as vLLM writes them, or with `vllm_`, as some collectors rewrite
/// them; in a text with both, only `vllm:` counts, because the other is then a copy or a sum.
/// gpu_cache_usage_perc (until 0.10) is taken where kv_cache_usage_perc is missing. NaN, infinite
/// and negative figures are skipped; unreadable lines are skipped and counted.
///
/// Errors: kMalformed (side kUpstream) when no line begins with one of the two prefixes: it is not
/// the text of a vLLM server.
[[nodiscard]] Result<EngineState> parse_metrics(std::string_view text);

/// Models that a server's figures are kept apart for; requests of further ones are only in the
/// server's totals. vLLM itself serves one base model.
constexpr std::size_t kModelsMax = 64;

/// Bounds that one histogram may have; further ones are left out. vLLM's have 22.
constexpr std::size_t kBoundsMax = 128;

/// Memory of one GPU.
struct GpuMemory {
  std::string gpu;  ///< The exporter's label `gpu`, an index such as "0".
  double used_bytes = 0;

  friend bool operator==(const GpuMemory&, const GpuMemory&) = default;
};

/// The used memory of each GPU in the text of NVIDIA's dcgm-exporter (DCGM_FI_DEV_FB_USED, in MiB),
/// in the order of the text. The instances of a partitioned GPU are added up; the lines that the
/// exporter repeats for several pods on one GPU count once. At most kGpusMax; unreadable lines are
/// skipped.
[[nodiscard]] std::vector<GpuMemory> parse_gpu_memory(std::string_view text);

/// GPUs or instances of them behind one exporter, which runs once per machine: 16 GPUs of 7
/// instances fit.
constexpr std::size_t kGpusMax = 128;

}  // namespace olla::vllm
