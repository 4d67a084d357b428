#include "sim/metrics_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <utility>

#include "sim/json_text.h"

namespace olla::sim {
namespace {

using Label = std::pair<std::string_view, std::string_view>;

/// Writes families one after the other; each has the labels `engine` and `model_name`, and those
/// given. Labels are in alphabetical order, as vLLM's are.
class Exposition {
 public:
  explicit Exposition(const MetricsLabels& labels) : labels_(labels) {}

  void family(std::string_view name, std::string_view type, std::string_view help) {
    out_ += "# HELP ";
    out_.append(name).append(" ").append(help).append("\n# TYPE ");
    out_.append(name).append(" ").append(type).append("\n");
  }

  void sample(std::string_view name, std::initializer_list<Label> extra, double value) {
    std::array<Label, 4> all{};
    std::size_t count = 0;
    all.at(count++) = {"engine", "0"};
    all.at(count++) = {"model_name", labels_.model};
    for (const Label& label : extra) {
      all.at(count++) = label;
    }
    std::sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
    out_ += name;
    for (std::size_t i = 0; i < count; ++i) {
      out_ += i == 0 ? '{' : ',';
      out_.append(all.at(i).first).append("=\"");
      append_escaped(all.at(i).second);
      out_ += '"';
    }
    out_ += "} " + metrics_number(value) + "\n";
  }

  void gauge(std::string_view name, std::string_view help, double value) {
    family(name, "gauge", help);
    sample(name, {}, value);
  }

  void counter(std::string_view base, std::string_view help, std::uint64_t value) {
    const std::string name = std::string(base) + "_total";
    family(name, "counter", help);
    sample(name, {}, static_cast<double>(value));
    created(base, help);
  }

  void histogram(std::string_view base, std::string_view help, const Histogram& values) {
    const std::string bucket = std::string(base) + "_bucket";
    family(base, "histogram", help);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < values.counts().size(); ++i) {
      below += values.counts()[i];
      const bool last = i == values.bounds().size();
      const std::string bound = last ? "+Inf" : metrics_number(values.bounds()[i]);
      sample(bucket, {{"le", bound}}, static_cast<double>(below));
    }
    sample(std::string(base) + "_count", {}, static_cast<double>(values.count()));
    sample(std::string(base) + "_sum", {}, values.sum());
    created(base, help);
  }

  void created(std::string_view base, std::string_view help) {
    gauge(std::string(base) + "_created", help, labels_.created_seconds);
  }

  [[nodiscard]] double created_seconds() const { return labels_.created_seconds; }
  [[nodiscard]] Dialect dialect() const { return labels_.dialect; }
  std::string take() { return std::move(out_); }

 private:
  void append_escaped(std::string_view value) {
    for (const char c : value) {
      if (c == '\\' || c == '"') out_ += '\\';
      if (c == '\n') {
        out_ += "\\n";
      } else {
        out_ += c;
      }
    }
  }

  MetricsLabels labels_;
  std::string out_;
};

/// Families that old versions do not have.
void write_new_state(Exposition& out, double waiting) {
  constexpr std::string_view kByReason = "vllm:num_requests_waiting_by_reason";
  out.family(kByReason, "gauge",
             "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for "
             "scheduling capacity; 'deferred' = deferred by transient constraints (LoRA budget, KV "
             "transfer, blocked status). Sum of all reasons equals vllm:num_requests_waiting.");
  out.sample(kByReason, {{"reason", "capacity"}}, waiting);
  out.sample(kByReason, {{"reason", "deferred"}}, 0);
  constexpr std::string_view kSleep = "vllm:engine_sleep_state";
  out.family(kSleep, "gauge",
             "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is "
             "awake; weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level "
             "2.");
  out.sample(kSleep, {{"sleep_state", "awake"}}, 1);
  out.sample(kSleep, {{"sleep_state", "weights_offloaded"}}, 0);
  out.sample(kSleep, {{"sleep_state", "discard_all"}}, 0);
}

void write_state(Exposition& out, const EngineStats& stats, const EngineRules& rules) {
  const auto waiting = static_cast<double>(stats.waiting);
  out.gauge("vllm:num_requests_running", "Number of requests in model execution batches.",
            static_cast<double>(stats.running));
  out.gauge("vllm:num_requests_waiting", "Number of requests waiting to be processed.", waiting);
  if (out.dialect() == Dialect::kNew) write_new_state(out, waiting);
  const double used = static_cast<double>(stats.running_tokens) /
                      static_cast<double>(std::max<std::size_t>(rules.kv_capacity_tokens, 1));
  out.gauge("vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.",
            std::min(used, 1.0));
}

void write_counters(Exposition& out, const EngineStats& stats) {
  out.counter("vllm:num_preemptions", "Cumulative number of preemption from the engine.", 0);
  out.counter("vllm:prompt_tokens", "Number of prefill tokens processed.", stats.prompt_tokens);
  out.counter("vllm:generation_tokens", "Number of generation tokens processed.",
              stats.generation_tokens);
  if (out.dialect() == Dialect::kNew) {
    out.counter("vllm:prompt_tokens_cached", "Number of cached prompt tokens (local + external).",
                0);
  }
  constexpr std::string_view kSuccess = "vllm:request_success_total";
  constexpr std::string_view kSuccessCreated = "vllm:request_success_created";
  constexpr std::string_view kHelp = "Count of successfully processed requests.";
  constexpr std::array<std::string_view, 5> kReasons = {"stop", "length", "abort", "error",
                                                        "repetition"};
  out.family(kSuccess, "counter", kHelp);
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    const std::uint64_t count = i < stats.finished.size() ? stats.finished.at(i) : 0;
    out.sample(kSuccess, {{"finished_reason", kReasons.at(i)}}, static_cast<double>(count));
  }
  out.family(kSuccessCreated, "gauge", kHelp);
  for (const std::string_view reason : kReasons) {
    out.sample(kSuccessCreated, {{"finished_reason", reason}}, out.created_seconds());
  }
}

void write_histograms(Exposition& out, const EngineStats& stats) {
  out.histogram("vllm:request_prompt_tokens", "Number of prefill tokens processed.",
                stats.request_prompt_tokens);
  out.histogram("vllm:request_generation_tokens", "Number of generation tokens processed.",
                stats.request_generation_tokens);
  out.histogram("vllm:request_params_max_tokens", "Histogram of the max_tokens request parameter.",
                stats.request_max_tokens);
  out.histogram("vllm:time_to_first_token_seconds", "Histogram of time to first token in seconds.",
                stats.time_to_first_token);
  if (out.dialect() == Dialect::kOld) {
    out.histogram("vllm:time_per_output_token_seconds",
                  "Histogram of time per output token in seconds.DEPRECATED: Use "
                  "vllm:inter_token_latency_seconds instead.",
                  stats.inter_token_latency);
  }
  out.histogram("vllm:inter_token_latency_seconds", "Histogram of inter-token latency in seconds.",
                stats.inter_token_latency);
  out.histogram("vllm:request_time_per_output_token_seconds",
                "Histogram of time_per_output_token_seconds per request.",
                stats.time_per_output_token);
  out.histogram("vllm:e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.",
                stats.e2e_latency);
  out.histogram("vllm:request_queue_time_seconds",
                "Histogram of time spent in WAITING phase for request.", stats.queue_time);
  out.histogram("vllm:request_inference_time_seconds",
                "Histogram of time spent in RUNNING phase for request.", stats.inference_time);
  out.histogram("vllm:request_prefill_time_seconds",
                "Histogram of time spent in PREFILL phase for request.", stats.prefill_time);
  out.histogram("vllm:request_decode_time_seconds",
                "Histogram of time spent in DECODE phase for request.", stats.decode_time);
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

std::string metrics_text(const EngineStats& stats, const EngineRules& rules,
                         const MetricsLabels& labels) {
  Exposition out(labels);
  write_state(out, stats, rules);
  write_counters(out, stats);
  write_histograms(out, stats);
  return out.take();
}

}  // namespace olla::sim
