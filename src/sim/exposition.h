#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "sim/dialect.h"
#include "sim/engine.h"
#include "sim/metrics_text.h"

namespace olla::sim {

/// Writes families one after the other. Each sample has the label `model_name`, that of an engine
/// also `engine`, and those given. Labels are in alphabetical order, as vLLM's are.
class Exposition {
 public:
  using Label = std::pair<std::string_view, std::string_view>;
  using Engines = std::span<const Engine* const>;

  /// The engines must outlive this.
  Exposition(Engines engines, const MetricsLabels& labels) : engines_(engines), labels_(labels) {}

  void family(std::string_view name, std::string_view type, std::string_view help);

  /// A sample of the whole server.
  void sample(std::string_view name, Label extra, double value) {
    write_sample(name, {}, {&extra, 1}, value);
  }

  /// One sample per engine; `value` takes its statistics.
  template <class Value>
  void samples(std::string_view name, std::span<const Label> extra, const Value& value) {
    for (std::size_t i = 0; i < engines_.size(); ++i) {
      write_sample(name, std::to_string(i), extra,
                   static_cast<double>(value(engines_[i]->stats())));
    }
  }

  template <class Value>
  void samples(std::string_view name, Label extra, const Value& value) {
    samples(name, std::span<const Label>(&extra, 1), value);
  }

  template <class Value>
  void gauge(std::string_view name, std::string_view help, const Value& value) {
    family(name, "gauge", help);
    samples(name, std::span<const Label>(), value);
  }

  template <class Value>
  void counter(std::string_view base, std::string_view help, const Value& value) {
    const std::string name = std::string(base) + "_total";
    family(name, "counter", help);
    samples(name, std::span<const Label>(), value);
    created(base, help);
  }

  void histogram(std::string_view base, std::string_view help, Histogram EngineStats::*member);

  void created(std::string_view base, std::string_view help);

  [[nodiscard]] const MetricsLabels& labels() const { return labels_; }
  [[nodiscard]] bool old() const { return labels_.dialect == Dialect::kOld; }
  std::string take() { return std::move(out_); }

 private:
  void write_sample(std::string_view name, std::string_view engine, std::span<const Label> extra,
                    double value);
  void append_escaped(std::string_view value);

  Engines engines_;
  MetricsLabels labels_;
  std::string out_;
};

}  // namespace olla::sim
