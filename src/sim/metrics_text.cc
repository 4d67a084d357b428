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
using Engines = std::span<const Engine* const>;

/// Writes families one after the other. Each sample has the label `model_name`, that of an engine
/// also `engine`, and those given. Labels are in alphabetical order, as vLLM's are.
class Exposition {
 public:
  Exposition(Engines engines, const MetricsLabels& labels) : engines_(engines), labels_(labels) {}

  void family(std::string_view name, std::string_view type, std::string_view help) {
    out_ += "# HELP ";
    out_.append(name).append(" ").append(help).append("\n# TYPE ");
    out_.append(name).append(" ").append(type).append("\n");
  }

  /// A sample of the whole server.
  void sample(std::string_view name, std::initializer_list<Label> extra, double value) {
    write_sample(name, {}, extra, value);
  }

  /// One sample per engine; `value` takes its statistics.
  template <class Value>
  void samples(std::string_view name, std::initializer_list<Label> extra, const Value& value) {
    for (std::size_t i = 0; i < engines_.size(); ++i) {
      write_sample(name, std::to_string(i), extra,
                   static_cast<double>(value(engines_[i]->stats())));
    }
  }

  template <class Value>
  void gauge(std::string_view name, std::string_view help, const Value& value) {
    family(name, "gauge", help);
    samples(name, {}, value);
  }

  template <class Value>
  void counter(std::string_view base, std::string_view help, const Value& value) {
    const std::string name = std::string(base) + "_total";
    family(name, "counter", help);
    samples(name, {}, value);
    created(base, help);
  }

  void histogram(std::string_view base, std::string_view help, Histogram EngineStats::*member) {
    const std::string bucket = std::string(base) + "_bucket";
    family(base, "histogram", help);
    for (std::size_t engine = 0; engine < engines_.size(); ++engine) {
      const Histogram& values = engines_[engine]->stats().*member;
      const std::string label = std::to_string(engine);
      std::uint64_t below = 0;
      for (std::size_t i = 0; i < values.counts().size(); ++i) {
        below += values.counts()[i];
        const bool last = i == values.bounds().size();
        const std::string bound = last ? "+Inf" : metrics_number(values.bounds()[i]);
        write_sample(bucket, label, {{"le", bound}}, static_cast<double>(below));
      }
      write_sample(std::string(base) + "_count", label, {}, static_cast<double>(values.count()));
      write_sample(std::string(base) + "_sum", label, {}, values.sum());
    }
    created(base, help);
  }

  void created(std::string_view base, std::string_view help) {
    gauge(std::string(base) + "_created", help,
          [this](const EngineStats&) { return labels_.created_seconds; });
  }

  [[nodiscard]] const MetricsLabels& labels() const { return labels_; }
  [[nodiscard]] bool old() const { return labels_.dialect == Dialect::kOld; }
  std::string take() { return std::move(out_); }

 private:
  void write_sample(std::string_view name, std::string_view engine,
                    std::initializer_list<Label> extra, double value) {
    std::array<Label, 4> all{};
    std::size_t count = 0;
    if (!engine.empty()) all.at(count++) = {"engine", engine};
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

  Engines engines_;
  MetricsLabels labels_;
  std::string out_;
};

/// Families that old versions do not have.
void write_new_state(Exposition& out) {
  constexpr std::string_view kByReason = "vllm:num_requests_waiting_by_reason";
  out.family(kByReason, "gauge",
             "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for "
             "scheduling capacity; 'deferred' = deferred by transient constraints (LoRA budget, KV "
             "transfer, blocked status). Sum of all reasons equals vllm:num_requests_waiting.");
  const auto none = [](const EngineStats&) { return 0; };
  out.samples(kByReason, {{"reason", "capacity"}},
              [](const EngineStats& stats) { return stats.waiting; });
  out.samples(kByReason, {{"reason", "deferred"}}, none);
  constexpr std::string_view kSleep = "vllm:engine_sleep_state";
  out.family(kSleep, "gauge",
             "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is "
             "awake; weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level "
             "2.");
  const int level = out.labels().sleep_level;
  const auto at_level = [level](int wanted) {
    return [level, wanted](const EngineStats&) { return level == wanted ? 1 : 0; };
  };
  out.samples(kSleep, {{"sleep_state", "awake"}}, at_level(0));
  out.samples(kSleep, {{"sleep_state", "weights_offloaded"}}, at_level(1));
  out.samples(kSleep, {{"sleep_state", "discard_all"}}, at_level(2));
  constexpr std::string_view kRejections = "vllm:admission_rejections_total";
  constexpr std::string_view kRejectionsHelp =
      "Number of admission attempts rejected by a queue limit, by reason.";
  out.family(kRejections, "counter", kRejectionsHelp);
  out.sample(kRejections, {{"reason", "max_num_queued_reqs"}},
             static_cast<double>(out.labels().rejected));
  out.sample(kRejections, {{"reason", "max_num_queued_tokens"}}, 0);
}

void write_state(Exposition& out, const EngineRules& rules) {
  out.gauge("vllm:num_requests_running", "Number of requests in model execution batches.",
            [](const EngineStats& stats) { return stats.running; });
  out.gauge("vllm:num_requests_waiting", "Number of requests waiting to be processed.",
            [](const EngineStats& stats) { return stats.waiting; });
  if (!out.old()) write_new_state(out);
  const auto capacity = static_cast<double>(std::max<std::size_t>(rules.kv_capacity_tokens, 1));
  out.gauge("vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.",
            [capacity](const EngineStats& stats) {
              return std::min(static_cast<double>(stats.running_tokens) / capacity, 1.0);
            });
}

void write_counters(Exposition& out) {
  const auto none = [](const EngineStats&) { return 0; };
  out.counter("vllm:num_preemptions", "Cumulative number of preemption from the engine.", none);
  out.counter("vllm:prompt_tokens", "Number of prefill tokens processed.",
              [](const EngineStats& stats) { return stats.prompt_tokens; });
  out.counter("vllm:generation_tokens", "Number of generation tokens processed.",
              [](const EngineStats& stats) { return stats.generation_tokens; });
  if (!out.old()) {
    out.counter("vllm:prompt_tokens_cached", "Number of cached prompt tokens (local + external).",
                none);
  }
  constexpr std::string_view kSuccess = "vllm:request_success_total";
  constexpr std::string_view kSuccessCreated = "vllm:request_success_created";
  constexpr std::string_view kHelp = "Count of successfully processed requests.";
  constexpr std::array<std::string_view, 5> kReasons = {"stop", "length", "abort", "error",
                                                        "repetition"};
  out.family(kSuccess, "counter", kHelp);
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    out.samples(kSuccess, {{"finished_reason", kReasons.at(i)}}, [i](const EngineStats& stats) {
      return i < stats.finished.size() ? stats.finished.at(i) : 0;
    });
  }
  out.family(kSuccessCreated, "gauge", kHelp);
  const double created = out.labels().created_seconds;
  for (const std::string_view reason : kReasons) {
    out.samples(kSuccessCreated, {{"finished_reason", reason}},
                [created](const EngineStats&) { return created; });
  }
}

void write_histograms(Exposition& out) {
  out.histogram("vllm:request_prompt_tokens", "Number of prefill tokens processed.",
                &EngineStats::request_prompt_tokens);
  out.histogram("vllm:request_generation_tokens", "Number of generation tokens processed.",
                &EngineStats::request_generation_tokens);
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

std::string metrics_text(Engines engines, const MetricsLabels& labels) {
  Exposition out(engines, labels);
  write_state(out, engines.front()->rules());
  write_counters(out);
  write_histograms(out);
  return out.take();
}

}  // namespace olla::sim
