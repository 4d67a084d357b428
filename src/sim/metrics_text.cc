#include "sim/metrics_text.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "sim/exposition.h"
#include "sim/json_text.h"

namespace olla::sim {
namespace {

const auto kNone = [](const EngineStats&) { return 0; };

/// Nobody computes anything here.
void write_estimates(Exposition& out) {
  constexpr std::string_view kWhy = " per GPU (for Model Flops Utilization calculations).";
  const auto estimate = [&out, kWhy](std::string_view base, const std::string& what) {
    out.counter(base, "Estimated number of " + what + std::string(kWhy), kNone);
  };
  estimate("vllm:estimated_flops_per_gpu", "floating point operations");
  estimate("vllm:estimated_read_bytes_per_gpu", "bytes read from memory");
  estimate("vllm:estimated_write_bytes_per_gpu", "bytes written to memory");
}

/// Families that old versions do not have.
void write_new_state(Exposition& out) {
  constexpr std::string_view kByReason = "vllm:num_requests_waiting_by_reason";
  out.family(kByReason, "gauge",
             "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for "
             "scheduling capacity; 'deferred' = deferred by transient constraints (LoRA budget, KV "
             "transfer, blocked status). Sum of all reasons equals vllm:num_requests_waiting.");
  out.samples(kByReason, Exposition::Label{"reason", "capacity"},
              [](const EngineStats& stats) { return stats.waiting; });
  out.samples(kByReason, Exposition::Label{"reason", "deferred"}, kNone);
  constexpr std::string_view kSleep = "vllm:engine_sleep_state";
  out.family(kSleep, "gauge",
             "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is "
             "awake; weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level "
             "2.");
  const int level = out.labels().sleep_level;
  const auto at_level = [level](int wanted) {
    return [level, wanted](const EngineStats&) { return level == wanted ? 1 : 0; };
  };
  out.samples(kSleep, Exposition::Label{"sleep_state", "awake"}, at_level(0));
  out.samples(kSleep, Exposition::Label{"sleep_state", "weights_offloaded"}, at_level(1));
  out.samples(kSleep, Exposition::Label{"sleep_state", "discard_all"}, at_level(2));
}

void write_state(Exposition& out) {
  if (!out.old()) write_estimates(out);
  out.gauge("vllm:num_requests_running", "Number of requests in model execution batches.",
            [](const EngineStats& stats) { return stats.running; });
  out.gauge("vllm:num_requests_waiting", "Number of requests waiting to be processed.",
            [](const EngineStats& stats) { return stats.waiting; });
  if (!out.old()) write_new_state(out);
  out.gauge("vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.",
            [](const EngineStats& stats) { return stats.kv_usage; });
}

void write_caches(Exposition& out) {
  out.counter("vllm:prefix_cache_queries",
              "Prefix cache queries, in terms of number of queried tokens.",
              [](const EngineStats& stats) { return stats.queried_tokens; });
  out.counter("vllm:prefix_cache_hits", "Prefix cache hits, in terms of number of cached tokens.",
              [](const EngineStats& stats) { return stats.hit_tokens; });
  if (out.old()) return;
  out.counter("vllm:external_prefix_cache_queries",
              "External prefix cache queries from KV connector cross-instance cache sharing, in "
              "terms of number of queried tokens.",
              kNone);
  out.counter("vllm:external_prefix_cache_hits",
              "External prefix cache hits from KV connector cross-instance cache sharing, in terms "
              "of number of cached tokens.",
              kNone);
  out.counter("vllm:mm_cache_queries",
              "Multi-modal cache queries, in terms of number of queried items.", kNone);
  out.counter("vllm:mm_cache_hits", "Multi-modal cache hits, in terms of number of cached items.",
              kNone);
}

/// Where prompts came from: computed, or found in the cache.
void write_sources(Exposition& out) {
  const auto by = [&out](std::string_view base, std::string_view help, const auto& samples) {
    const std::string total = std::string(base) + "_total";
    const std::string created = std::string(base) + "_created";
    out.family(total, "counter", help);
    for (const auto& [source, value] : samples) {
      out.samples(total, Exposition::Label{"source", source}, value);
    }
    out.family(created, "gauge", help);
    const double seconds = out.labels().created_seconds;
    for (const auto& [source, value] : samples) {
      out.samples(created, Exposition::Label{"source", source},
                  [seconds](const EngineStats&) { return seconds; });
    }
  };
  using Value = std::uint64_t (*)(const EngineStats&);
  using Source = std::pair<std::string_view, Value>;
  const Value cached = [](const EngineStats& stats) { return stats.cached_tokens; };
  const Value none = [](const EngineStats&) { return std::uint64_t{0}; };
  by("vllm:prompt_tokens_by_source", "Number of prompt tokens by source.",
     std::array{
         Source{"local_compute",
                [](const EngineStats& stats) { return stats.prompt_tokens - stats.cached_tokens; }},
         Source{"local_cache_hit", cached}, Source{"external_kv_transfer", none}});
  out.counter("vllm:prompt_tokens_cached", "Number of cached prompt tokens (local + external).",
              cached);
  by("vllm:prompt_tokens_cached_by_source",
     "Prefix-cache hit tokens by the cache tier that supplied them: device (local HBM), host "
     "(offloaded to DRAM), disk, p2p (transferred from another vLLM instance) or "
     "external_unspecified. Counted at admission; sums to vllm:prefix_cache_hits + "
     "vllm:external_prefix_cache_hits.",
     std::array{Source{"device", [](const EngineStats& stats) { return stats.hit_tokens; }},
                Source{"host", none}, Source{"p2p", none}, Source{"disk", none},
                Source{"external_unspecified", none}});
}

void write_counters(Exposition& out) {
  out.counter("vllm:num_preemptions", "Cumulative number of preemption from the engine.",
              [](const EngineStats& stats) { return stats.preemptions; });
  out.counter("vllm:prompt_tokens", "Number of prefill tokens processed.",
              [](const EngineStats& stats) { return stats.prompt_tokens; });
  if (!out.old()) write_sources(out);
  out.counter("vllm:generation_tokens", "Number of generation tokens processed.",
              [](const EngineStats& stats) { return stats.generation_tokens; });
  constexpr std::string_view kSuccess = "vllm:request_success_total";
  constexpr std::string_view kSuccessCreated = "vllm:request_success_created";
  constexpr std::string_view kHelp = "Count of successfully processed requests.";
  constexpr std::array<std::string_view, 5> kReasons = {"stop", "length", "abort", "error",
                                                        "repetition"};
  out.family(kSuccess, "counter", kHelp);
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    out.samples(kSuccess, Exposition::Label{"finished_reason", kReasons.at(i)},
                [i](const EngineStats& stats) {
                  return i < stats.finished.size() ? stats.finished.at(i) : 0;
                });
  }
  out.family(kSuccessCreated, "gauge", kHelp);
  const double created = out.labels().created_seconds;
  for (const std::string_view reason : kReasons) {
    out.samples(kSuccessCreated, Exposition::Label{"finished_reason", reason},
                [created](const EngineStats&) { return created; });
  }
}

void write_rejections(Exposition& out) {
  constexpr std::string_view kRejections = "vllm:admission_rejections_total";
  constexpr std::string_view kRejectionsHelp =
      "Number of admission attempts rejected by a queue limit, by reason.";
  out.family(kRejections, "counter", kRejectionsHelp);
  out.sample(kRejections, Exposition::Label{"reason", "max_num_queued_reqs"},
             static_cast<double>(out.labels().rejected));
  out.sample(kRejections, Exposition::Label{"reason", "max_num_queued_tokens"}, 0);
  constexpr std::string_view kRejectionsCreated = "vllm:admission_rejections_created";
  out.family(kRejectionsCreated, "gauge", kRejectionsHelp);
  for (const std::string_view reason : {"max_num_queued_reqs", "max_num_queued_tokens"}) {
    out.sample(kRejectionsCreated, Exposition::Label{"reason", reason},
               out.labels().created_seconds);
  }
}

void write_histograms(Exposition& out) {
  out.histogram("vllm:request_prompt_tokens", "Number of prefill tokens processed.",
                &EngineStats::request_prompt_tokens);
  out.histogram("vllm:request_generation_tokens", "Number of generation tokens processed.",
                &EngineStats::request_generation_tokens);
  out.histogram("vllm:iteration_tokens_total", "Histogram of number of tokens per engine_step.",
                &EngineStats::step_tokens);
  out.histogram("vllm:request_max_num_generation_tokens",
                "Histogram of maximum number of requested generation tokens.",
                &EngineStats::request_max_generation_tokens);
  out.histogram("vllm:request_params_n", "Histogram of the n request parameter.",
                &EngineStats::request_samples);
  out.histogram("vllm:request_params_max_tokens", "Histogram of the max_tokens request parameter.",
                &EngineStats::request_max_tokens);
  out.histogram("vllm:time_to_first_token_seconds", "Histogram of time to first token in seconds.",
                &EngineStats::time_to_first_token);
  if (out.old()) {
    out.histogram("vllm:time_per_output_token_seconds",
                  "Histogram of time per output token in seconds.DEPRECATED: Use "
                  "vllm:inter_token_latency_seconds instead.",
                  &EngineStats::inter_token_latency);
  }
  out.histogram("vllm:inter_token_latency_seconds", "Histogram of inter-token latency in seconds.",
                &EngineStats::inter_token_latency);
  out.histogram("vllm:request_time_per_output_token_seconds",
                "Histogram of time_per_output_token_seconds per request.",
                &EngineStats::time_per_output_token);
  out.histogram("vllm:e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.",
                &EngineStats::e2e_latency);
  out.histogram("vllm:request_queue_time_seconds",
                "Histogram of time spent in WAITING phase for request.", &EngineStats::queue_time);
  out.histogram("vllm:request_inference_time_seconds",
                "Histogram of time spent in RUNNING phase for request.",
                &EngineStats::inference_time);
  out.histogram("vllm:request_prefill_time_seconds",
                "Histogram of time spent in PREFILL phase for request.",
                &EngineStats::prefill_time);
  out.histogram("vllm:request_decode_time_seconds",
                "Histogram of time spent in DECODE phase for request.", &EngineStats::decode_time);
  if (out.old()) return;
  out.histogram("vllm:request_num_preemptions",
                "Histogram of the number of times a request was preempted.",
                &EngineStats::request_preemptions);
  out.histogram("vllm:request_prefill_kv_computed_tokens",
                "Histogram of new KV tokens computed during prefill (excluding cached tokens).",
                &EngineStats::request_computed_tokens);
}

// What a server says of its cache when nothing about it was asked for; sizes are put in.
constexpr auto kOldConfig = std::to_array<Exposition::Label>({
    {"block_size", "16"},
    {"cache_dtype", "auto"},
    {"calculate_kv_scales", "False"},
    {"cpu_kvcache_space_bytes", "None"},
    {"cpu_offload_gb", "0.0"},
    {"enable_prefix_caching", "True"},
    {"gpu_memory_utilization", "0.9"},
    {"is_attention_free", "False"},
    {"kv_cache_memory_bytes", "None"},
    {"kv_sharing_fast_prefill", "False"},
    {"mamba_cache_dtype", "auto"},
    {"mamba_page_size_padded", "None"},
    {"mamba_ssm_cache_dtype", "auto"},
    {"num_cpu_blocks", "None"},
    {"num_gpu_blocks_override", "None"},
    {"prefix_caching_hash_algo", "sha256"},
    {"sliding_window", "None"},
    {"swap_space", "4.0"},
    {"swap_space_bytes", "4294967296.0"},
});
constexpr auto kNewConfig = std::to_array<Exposition::Label>({
    {"_block_size_resolved", "True"},
    {"block_size", "16"},
    {"cache_dtype", "auto"},
    {"cache_hit_alignment_tokens", "None"},
    {"effective_attention_block_size", "16"},
    {"enable_mamba_shared_prefix_checkpoint", "False"},
    {"enable_prefix_caching", "True"},
    {"gpu_memory_utilization", "0.92"},
    {"hash_block_size", "None"},
    {"is_attention_free", "False"},
    {"kv_cache_dtype_skip_layers", "[]"},
    {"kv_cache_layout", "None"},
    {"kv_cache_memory_bytes", "None"},
    {"kv_offloading_backend", "native"},
    {"kv_offloading_size", "None"},
    {"kv_sharing_fast_prefill", "False"},
    {"mamba_block_size", "None"},
    {"mamba_cache_dtype", "auto"},
    {"mamba_cache_mode", "none"},
    {"mamba_page_size_padded", "None"},
    {"mamba_ssm_cache_dtype", "auto"},
    {"num_cpu_blocks", "None"},
    {"num_gpu_blocks_override", "None"},
    {"prefix_cache_retention_interval", "0"},
    {"prefix_caching_hash_algo", "sha256"},
    {"prefix_match_unit", "None"},
    {"replayssm_buffer_len", "16"},
    {"skip_page_size_padded", "None"},
    {"sliding_window", "None"},
    {"swa_bounded_replay", "True"},
    {"use_kda_recoverssm", "False"},
    {"use_replayssm", "False"},
    {"user_specified_block_size", "False"},
});

void write_config(Exposition& out, std::size_t blocks) {
  constexpr std::string_view kName = "vllm:cache_config_info";
  out.family(kName, "gauge", "Information of the LLMEngine CacheConfig");
  const std::string count = std::to_string(blocks);
  const std::size_t tokens = blocks * engine::kBlockTokens;
  const std::string size = std::to_string(tokens);
  const auto max_model_len = static_cast<double>(out.labels().max_model_len);
  const std::string concurrency =
      metrics_number(static_cast<double>(tokens) / std::max(max_model_len, 1.0));
  std::vector<Exposition::Label> labels(kOldConfig.begin(), kOldConfig.end());
  if (!out.old()) {
    labels.assign(kNewConfig.begin(), kNewConfig.end());
    labels.emplace_back("kv_cache_size_tokens", size);
    labels.emplace_back("kv_cache_max_concurrency", concurrency);
  }
  labels.emplace_back("num_gpu_blocks", count);
  out.samples(kName, std::span<const Exposition::Label>(labels),
              [](const EngineStats&) { return 1; });
}

}  // namespace

std::string metrics_number(double value) {
  std::string text;
  append_json_number(text, value);
  if (text.find('e') != std::string::npos) return text;
  const std::size_t dot = text.find('.');
  if (value <= 0 || dot <= 6) return text;
  // A million and more: the mantissa with one digit before the point, without zeros at its end.
  std::string mantissa = text.substr(0, 1) + "." + text.substr(1, dot - 1) + text.substr(dot + 1);
  mantissa.resize(mantissa.find_last_not_of("0.") + 1);
  return mantissa + "e+0" + std::to_string(dot - 1);
}

std::string metrics_text(std::span<const Engine* const> engines, const MetricsLabels& labels) {
  Exposition out(engines, labels);
  write_state(out);
  write_caches(out);
  write_counters(out);
  if (!out.old()) write_rejections(out);
  write_histograms(out);
  write_config(out, engines.front()->stats().kv_blocks);
  return out.take();
}

}  // namespace olla::sim
