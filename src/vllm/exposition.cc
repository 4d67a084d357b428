#include "vllm/exposition.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <unordered_set>

#include "vllm/exposition_families.h"
#include "vllm/exposition_text.h"
#include "vllm/metrics_text.h"

namespace olla::vllm {
namespace {

struct FleetFamily {
  std::string_view name;
  FamilyType type;
  std::string_view help;
};

constexpr FleetFamily kRunning = {"vllm_num_requests_running", FamilyType::kGauge,
                                  "Number of requests currently running"};
constexpr FleetFamily kWaiting = {"vllm_num_requests_waiting", FamilyType::kGauge,
                                  "Number of requests waiting in queue"};
constexpr FleetFamily kDuration = {"vllm_request_duration_seconds", FamilyType::kHistogram,
                                   "Request duration in seconds"};
constexpr FleetFamily kGpuMemory = {"vllm_gpu_memory_usage_bytes", FamilyType::kGauge,
                                    "GPU memory usage in bytes"};
constexpr FleetFamily kScrapeAge = {"olla_endpoint_scrape_age_seconds", FamilyType::kGauge,
                                    "Age of the endpoint's figures in seconds"};

std::string_view word_of(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return "counter";
    case FamilyType::kGauge:
      return "gauge";
    case FamilyType::kHistogram:
      return "histogram";
    case FamilyType::kSummary:
      return "summary";
    case FamilyType::kUntyped:
      break;
  }
  return "untyped";
}

void write_header(std::string& out, std::string_view name, FamilyType type, std::string_view help) {
  if (!help.empty()) {
    out.append("# HELP ").append(name).append(" ");
    append_help(out, help);
    out += '\n';
  }
  out.append("# TYPE ").append(name).append(" ").append(word_of(type)).append("\n");
}

void write_header(std::string& out, const FleetFamily& family) {
  write_header(out, family.name, family.type, family.help);
}

// The sum over the endpoints of what they say about one model. std::map: a stable order.
using Models = std::map<std::string_view, ModelState>;

Models sum_models(std::span<const EndpointMetrics> endpoints) {
  Models models;
  for (const EndpointMetrics& endpoint : endpoints) {
    if (endpoint.state == nullptr) continue;
    for (const ModelState& model : endpoint.state->models) {
      ModelState& sum = models[model.name];
      sum.running += model.running;
      sum.waiting += model.waiting;
      sum.latency_seconds.add(model.latency_seconds);
    }
  }
  return models;
}

void write_requests(std::string& out, const Models& models, const FleetFamily& family,
                    std::uint64_t ModelState::*figure) {
  if (models.empty()) return;
  write_header(out, family);
  for (const auto& [name, model] : models) {
    out.append(family.name).append("{model=\"");
    append_label_value(out, name);
    out.append("\"} ").append(std::to_string(model.*figure)).append("\n");
  }
}

void write_durations(std::string& out, const Models& models) {
  bool first = true;
  for (const auto& [name, model] : models) {
    const Histogram& latency = model.latency_seconds;
    if (latency.buckets.empty()) continue;
    if (first) write_header(out, kDuration);
    first = false;
    std::string label = "{model=\"";
    append_label_value(label, name);
    label += '"';
    for (const Histogram::Bucket& bucket : latency.buckets) {
      out.append(kDuration.name).append("_bucket").append(label).append(",le=\"");
      append_number(out, bucket.bound);
      out += "\"} ";
      append_number(out, bucket.count);
      out += '\n';
    }
    out.append(kDuration.name).append("_sum").append(label).append("} ");
    append_number(out, latency.sum);
    out.append("\n").append(kDuration.name).append("_count").append(label).append("} ");
    append_number(out, latency.count());
    out += '\n';
  }
}

void write_gpu_memory(std::string& out, std::span<const EndpointMetrics> endpoints) {
  bool first = true;
  for (const EndpointMetrics& endpoint : endpoints) {
    for (const GpuMemory& gpu : parse_gpu_memory(endpoint.gpu_text)) {
      if (first) write_header(out, kGpuMemory);
      first = false;
      out.append(kGpuMemory.name).append("{endpoint=\"");
      append_label_value(out, endpoint.endpoint);
      out += "\",gpu=\"";
      append_label_value(out, gpu.gpu);
      out += "\"} ";
      append_number(out, gpu.used_bytes);
      out += '\n';
    }
  }
}

void write_scrape_ages(std::string& out, std::span<const EndpointMetrics> endpoints) {
  bool first = true;
  for (const EndpointMetrics& endpoint : endpoints) {
    if (!endpoint.scrape_age_seconds) continue;
    if (first) write_header(out, kScrapeAge);
    first = false;
    out.append(kScrapeAge.name).append("{endpoint=\"");
    append_label_value(out, endpoint.endpoint);
    out += "\"} ";
    append_number(out, *endpoint.scrape_age_seconds);
    out += '\n';
  }
}

// Writes the engines' own samples, with their endpoint's label.
class SampleWriter {
 public:
  SampleWriter(std::string& out, std::span<const EndpointMetrics> endpoints);

  void write(const Family& family);

 private:
  static bool may_stand(const Family& family, const Sample& sample);
  static std::string free_name(const Sample& sample);
  void rename_endpoint_label();
  [[nodiscard]] std::size_t series_key(std::size_t endpoint) const;
  void write_sample(std::size_t endpoint);

  std::string& out_;
  std::vector<std::string> labels_;       // Of each endpoint, as written: `{endpoint="a"`.
  std::unordered_set<std::size_t> seen_;  // Keys of the series written.
  Sample sample_;
  std::string renamed_;  // What the sample's own label `endpoint` is called; empty: has none.
};

SampleWriter::SampleWriter(std::string& out, std::span<const EndpointMetrics> endpoints)
    : out_(out) {
  std::size_t text_bytes = 0;
  for (const EndpointMetrics& endpoint : endpoints) {
    std::string& label = labels_.emplace_back("{endpoint=\"");
    append_label_value(label, endpoint.endpoint);
    label += '"';
    text_bytes += endpoint.text.size();
  }
  constexpr std::size_t kSampleBytes = 80;  // vLLM's mean; the set grows when they are shorter.
  seen_.reserve(text_bytes / kSampleBytes);
}

void SampleWriter::write(const Family& family) {
  bool first = true;
  for (const SampleLines& lines : family.lines) {
    std::string_view text = lines.text;
    while (!text.empty()) {
      if (!sample_.parse(take_line(text)) || !may_stand(family, sample_)) continue;
      rename_endpoint_label();
      if (!seen_.insert(series_key(lines.endpoint)).second) continue;
      if (first) {
        const bool bad_counter =
            family.type == FamilyType::kCounter && !family.name.ends_with("_total");
        write_header(out_, family.name, bad_counter ? FamilyType::kUntyped : family.type,
                     family.help);
      }
      first = false;
      write_sample(lines.endpoint);
    }
  }
}

// Buckets and quantiles need a label that is a number.
bool SampleWriter::may_stand(const Family& family, const Sample& sample) {
  std::string_view needed;
  if (family.type == FamilyType::kHistogram && sample.name().ends_with("_bucket")) {
    needed = "le";
  } else if (family.type == FamilyType::kSummary && sample.name() == family.name) {
    needed = "quantile";
  } else {
    return true;
  }
  const auto label = sample.label(needed);
  return label && parse_number(*label);
}

std::string SampleWriter::free_name(const Sample& sample) {
  std::string name = "exported_endpoint";
  while (sample.label(name))
    name.insert(0, "exported_");
  return name;
}

void SampleWriter::rename_endpoint_label() {
  renamed_.clear();
  if (sample_.label("endpoint")) renamed_ = free_name(sample_);
}

// Equal for the same series in whatever order its labels stand. Labels without a value are as good
// as absent. Two series with one key would lose the second; at 64 bits, that does not happen.
std::size_t SampleWriter::series_key(std::size_t endpoint) const {
  constexpr std::size_t kOdd = 0x9E3779B97F4A7C15;  // 2^64 / the golden ratio: spreads the bits.
  const std::hash<std::string_view> hash;
  std::size_t key = hash(sample_.name()) * kOdd + hash(labels_[endpoint]);
  for (const Label& label : sample_.labels()) {
    if (label.value.empty()) continue;
    const std::size_t name =
        label.name == "endpoint" ? hash(std::string_view(renamed_)) : hash(label.name);
    const std::size_t mixed = (name * kOdd) ^ hash(label.value);
    key += (mixed * kOdd) ^ (mixed >> 32);
  }
  return key;
}

void SampleWriter::write_sample(std::size_t endpoint) {
  out_.append(sample_.name()).append(labels_[endpoint]);
  for (const Label& label : sample_.labels()) {
    out_ += ',';
    if (label.name == "endpoint") {
      out_ += renamed_;
    } else {
      out_ += label.name;
    }
    out_.append("=\"").append(label.value).append("\"");
  }
  out_.append("} ").append(sample_.value_text()).append("\n");
}

}  // namespace

std::string fleet_exposition(std::span<const EndpointMetrics> endpoints) {
  FamilyIndex index(kFamiliesMax);
  for (const FleetFamily& family : {kRunning, kWaiting, kDuration, kGpuMemory, kScrapeAge})
    index.reserve(family.name, family.type);
  std::size_t text_bytes = 0;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    index.read(i, endpoints[i].text);
    text_bytes += endpoints[i].text.size();
  }

  std::string out;
  out.reserve(text_bytes + text_bytes / 2);  // A sample of 80 bytes gets a label of 20.
  const Models models = sum_models(endpoints);
  write_requests(out, models, kRunning, &ModelState::running);
  write_requests(out, models, kWaiting, &ModelState::waiting);
  write_durations(out, models);
  write_gpu_memory(out, endpoints);
  write_scrape_ages(out, endpoints);
  SampleWriter writer(out, endpoints);
  for (const Family& family : index.families())
    writer.write(family);
  return out;
}

}  // namespace olla::vllm
