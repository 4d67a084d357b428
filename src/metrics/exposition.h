#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "metrics/histogram.h"

namespace olla::metrics {

/// One label: its name, a literal, and its value, which may hold anything.
using Label = std::pair<std::string_view, std::string_view>;
using Labels = std::initializer_list<Label>;

/// Writes the Prometheus text format, version 0.0.4.
///
///     Exposition page;
///     page.family("olla_requests_total", "counter", "Requests");
///     page.sample({}, 3);
///
/// HELP and TYPE stand directly before the first sample of their family; a family without samples
/// leaves nothing. Bytes of a label that are no UTF-8 become U+FFFD.
class Exposition {
 public:
  /// Begins a family; the samples that follow belong to it. All three are literals.
  void family(std::string_view name, std::string_view type, std::string_view help);

  void sample(Labels labels, std::uint64_t value);
  void sample(Labels labels, std::int64_t value);
  /// With at most six decimals.
  void sample(Labels labels, double value);
  /// Buckets, sum and count.
  void histogram(Labels labels, const Distribution& distribution);

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void begin(std::string_view suffix, Labels labels, std::string_view bound = {});
  void end(std::string_view value);

  std::string text_;
  std::string_view name_;
  std::string_view type_;
  std::string_view help_;
  bool begun_ = false;
};

/// `value` with at most six decimals and no zeros at the end; "+Inf", "-Inf" and "NaN".
std::string number_text(double value);

}  // namespace olla::metrics
