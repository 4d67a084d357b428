#include "vllm/metrics_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "vllm/exposition_text.h"

namespace olla::vllm {
namespace {

enum class Figure : std::uint8_t {
  kNone,
  kRunning,
  kWaiting,
  kCacheUsage,
  kCacheUsageOld,
  kPromptTokens,
  kPromptTokensCached,
  kGenerationTokens,
  kSleepState,
  kLatencyBucket,
  kLatencySum,
  kLatencyCount,
};

struct NamedFigure {
  std::string_view name;
  Figure figure;
};

constexpr std::array kFigures = {
    NamedFigure{"num_requests_running", Figure::kRunning},
    NamedFigure{"num_requests_waiting", Figure::kWaiting},
    NamedFigure{"kv_cache_usage_perc", Figure::kCacheUsage},
    NamedFigure{"gpu_cache_usage_perc", Figure::kCacheUsageOld},
    NamedFigure{"prompt_tokens_total", Figure::kPromptTokens},
    NamedFigure{"prompt_tokens_cached_total", Figure::kPromptTokensCached},
    NamedFigure{"generation_tokens_total", Figure::kGenerationTokens},
    NamedFigure{"engine_sleep_state", Figure::kSleepState},
    NamedFigure{"e2e_request_latency_seconds_bucket", Figure::kLatencyBucket},
    NamedFigure{"e2e_request_latency_seconds_sum", Figure::kLatencySum},
    NamedFigure{"e2e_request_latency_seconds_count", Figure::kLatencyCount},
};

Figure figure_of(std::string_view name) {
  for (const NamedFigure& named : kFigures) {
    if (named.name == name) return named.figure;
  }
  return Figure::kNone;
}

// A sum of figures that each engine reports for itself.
struct Mean {
  double sum = 0;
  std::uint32_t parts = 0;

  void add(double value) {
    sum += value;
    ++parts;
  }
};

// The latency histogram of one model, while the engines' series are added up.
class LatencySum {
 public:
  void add_bucket(double bound, double count) {
    const auto at = std::lower_bound(parts_.begin(), parts_.end(), bound,
                                     [](const Part& part, double b) { return part.bound < b; });
    if (at != parts_.end() && at->bound == bound) {
      at->count += count;
      ++at->series;
    } else if (parts_.size() < kBoundsMax || std::isinf(bound)) {
      parts_.insert(at, {bound, count, 1});
    }
  }
  void add_sum(double sum) { sum_ += sum; }
  void add_count(double count) { count_.add(count); }

  // The bounds that every engine has. The counts are read in the middle of the engine's work, so
  // the rule that they rise is enforced, not expected.
  [[nodiscard]] Histogram take() const {
    Histogram out;
    Part all{HUGE_VAL, count_.sum, count_.parts};
    if (!parts_.empty() && parts_.back().bound == HUGE_VAL) all = parts_.back();
    if (all.series == 0) return out;
    double highest = 0;
    for (const Part& part : parts_) {
      if (part.series != all.series || part.bound == HUGE_VAL) continue;
      highest = std::max(highest, part.count);
      out.buckets.push_back({part.bound, highest});
    }
    out.buckets.push_back({HUGE_VAL, std::max(highest, all.count)});
    out.sum = sum_;
    return out;
  }

 private:
  struct Part {
    double bound;
    double count;
    std::uint32_t series;  // How many engines' buckets are in it.
  };

  std::vector<Part> parts_;  // By rising bound.
  double sum_ = 0;
  Mean count_;
};

// Takes in the samples of one prefix.
class Reader {
 public:
  void add(Figure figure, const Sample& sample);
  void add_malformed() { ++state_.malformed_lines; }
  [[nodiscard]] EngineState take();

 private:
  struct Model {
    std::string_view label;  // Escaped, as it stands in the text.
    std::uint64_t running = 0;
    std::uint64_t waiting = 0;
    LatencySum latency;
  };

  Model* model_of(const Sample& sample);
  void add_requests(const Sample& sample, std::uint64_t EngineState::*total,
                    std::uint64_t Model::*part);
  void add_latency(Figure figure, const Sample& sample);
  void add_sleep_state(const Sample& sample);

  EngineState state_;
  Mean cache_usage_;
  Mean cache_usage_old_;
  Mean awake_;
  std::vector<Model> models_;
  std::size_t last_model_ = 0;
};

// True for a value that a counter or a number of requests may have.
bool is_count(double value) {
  constexpr double kExactMax = 9007199254740992;  // 2^53: above, a double skips whole numbers.
  return value >= 0 && value <= kExactMax;
}

Reader::Model* Reader::model_of(const Sample& sample) {
  auto label = sample.label("model_name");
  if (!label) label = sample.label("model");
  if (!label || label->empty()) return nullptr;
  if (last_model_ < models_.size() && models_[last_model_].label == *label)
    return &models_[last_model_];
  const auto found = std::find_if(models_.begin(), models_.end(),
                                  [&](const Model& model) { return model.label == *label; });
  if (found == models_.end() && models_.size() == kModelsMax) return nullptr;
  last_model_ = static_cast<std::size_t>(found - models_.begin());
  if (found == models_.end()) models_.push_back({*label, 0, 0, {}});
  return &models_[last_model_];
}

void Reader::add_requests(const Sample& sample, std::uint64_t EngineState::*total,
                          std::uint64_t Model::*part) {
  if (!is_count(sample.value())) return;
  const auto count = static_cast<std::uint64_t>(sample.value());
  state_.*total += count;
  if (Model* model = model_of(sample)) model->*part += count;
}

void Reader::add_latency(Figure figure, const Sample& sample) {
  Model* model = model_of(sample);
  if (figure == Figure::kLatencyBucket) {
    const auto label = sample.label("le");
    const auto bound = label ? parse_number(*label) : std::nullopt;
    if (!bound || std::isnan(*bound)) {
      add_malformed();
    } else if (model != nullptr && is_count(sample.value())) {
      model->latency.add_bucket(*bound, sample.value());
    }
  } else if (model != nullptr && figure == Figure::kLatencyCount && is_count(sample.value())) {
    model->latency.add_count(sample.value());
  } else if (model != nullptr && figure == Figure::kLatencySum && is_count(sample.value())) {
    model->latency.add_sum(sample.value());
  }
}

void Reader::add_sleep_state(const Sample& sample) {
  if (sample.label("sleep_state") == "awake" && is_count(sample.value()))
    awake_.add(sample.value());
}

void Reader::add(Figure figure, const Sample& sample) {
  const double value = sample.value();
  const auto count = is_count(value) ? static_cast<std::uint64_t>(value) : 0;
  switch (figure) {
    case Figure::kNone:
      break;
    case Figure::kRunning:
      add_requests(sample, &EngineState::running, &Model::running);
      break;
    case Figure::kWaiting:
      add_requests(sample, &EngineState::waiting, &Model::waiting);
      break;
    case Figure::kCacheUsage:
      if (is_count(value)) cache_usage_.add(std::min(value, 1.0));
      break;
    case Figure::kCacheUsageOld:
      if (is_count(value)) cache_usage_old_.add(std::min(value, 1.0));
      break;
    case Figure::kPromptTokens:
      state_.prompt_tokens_total += count;
      break;
    case Figure::kPromptTokensCached:
      state_.prompt_tokens_cached_total = state_.prompt_tokens_cached_total.value_or(0) + count;
      break;
    case Figure::kGenerationTokens:
      state_.generation_tokens_total += count;
      break;
    case Figure::kSleepState:
      add_sleep_state(sample);
      break;
    case Figure::kLatencyBucket:
    case Figure::kLatencySum:
    case Figure::kLatencyCount:
      add_latency(figure, sample);
      break;
  }
}

EngineState Reader::take() {
  const Mean& usage = cache_usage_.parts > 0 ? cache_usage_ : cache_usage_old_;
  if (usage.parts > 0) state_.kv_cache_usage = usage.sum / usage.parts;
  state_.asleep = awake_.parts > 0 && awake_.sum == 0;
  state_.models.reserve(models_.size());
  for (const Model& model : models_) {
    state_.models.push_back(
        {decode_label_value(model.label), model.running, model.waiting, model.latency.take()});
  }
  return std::move(state_);
}

}  // namespace

Result<EngineState> parse_metrics(std::string_view text) {
  constexpr std::string_view kPrefix = "vllm:";
  constexpr std::string_view kRewrittenPrefix = "vllm_";
  Reader reader;
  std::string_view prefix;  // The one that counts; empty until the first is seen.
  Sample sample;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const std::string_view name = leading_name(line);
    if (name.starts_with(kPrefix) && prefix != kPrefix) {
      reader = Reader();
      prefix = kPrefix;
    } else if (name.starts_with(kRewrittenPrefix) && prefix.empty()) {
      prefix = kRewrittenPrefix;
    }
    if (prefix.empty() || !name.starts_with(prefix)) continue;
    const Figure figure = figure_of(name.substr(prefix.size()));
    if (figure == Figure::kNone) continue;
    if (sample.parse(line)) {
      reader.add(figure, sample);
    } else {
      reader.add_malformed();
    }
  }
  if (prefix.empty())
    return Error{Errc::kMalformed, Side::kUpstream, "no line of /metrics begins with vllm:"};
  return reader.take();
}

std::vector<GpuMemory> parse_gpu_memory(std::string_view text) {
  constexpr double kMebibyte = 1 << 20;
  struct Part {
    std::string_view gpu;       // Escaped.
    std::string_view instance;  // Of a partitioned GPU; else empty.
    double used_mebibytes;
  };
  std::vector<Part> parts;
  Sample sample;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (leading_name(line) != "DCGM_FI_DEV_FB_USED" || !sample.parse(line)) continue;
    const auto gpu = sample.label("gpu");
    if (!gpu || gpu->empty() || !is_count(sample.value())) continue;
    const std::string_view instance = sample.label("GPU_I_ID").value_or("");
    const auto same = std::find_if(parts.begin(), parts.end(), [&](const Part& part) {
      return part.gpu == *gpu && part.instance == instance;
    });
    if (same != parts.end()) {
      same->used_mebibytes = std::max(same->used_mebibytes, sample.value());
    } else if (parts.size() < kGpusMax) {
      parts.push_back({*gpu, instance, sample.value()});
    }
  }
  std::vector<GpuMemory> gpus;
  for (const Part& part : parts) {
    const std::string gpu = decode_label_value(part.gpu);
    const auto same = std::find_if(gpus.begin(), gpus.end(),
                                   [&gpu](const GpuMemory& known) { return known.gpu == gpu; });
    if (same != gpus.end()) {
      same->used_bytes += part.used_mebibytes * kMebibyte;
    } else {
      gpus.push_back({gpu, part.used_mebibytes * kMebibyte});
    }
  }
  return gpus;
}

}  // namespace olla::vllm
