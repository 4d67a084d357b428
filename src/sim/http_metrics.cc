#include "sim/http_metrics.h"

#include <algorithm>
#include <array>

#include "sim/metrics_text.h"

namespace olla::sim {
namespace {

constexpr auto kUncounted = std::to_array<std::string_view>(
    {"/metrics", "/health", "/load", "/ping", "/version", "/server_info"});

constexpr std::array<double, 3> kFewBounds = {0.1, 0.5, 1};
constexpr std::array<double, 21> kManyBounds = {0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5,
                                                0.75, 1,     1.5,  2,     2.5, 3,    3.5,
                                                4,    4.5,   5,    7.5,   10,  30,   60};

std::string labels(std::string_view handler, std::string_view method = {},
                   std::string_view status = {}) {
  std::string out = "{handler=\"" + std::string(handler) + "\"";
  if (!method.empty()) out.append(",method=\"").append(method).append("\"");
  if (!status.empty()) out.append(",status=\"").append(status).append("\"");
  return out + "}";
}

void append_family(std::string& out, std::string_view name, std::string_view type,
                   std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  out.append(name).append(" ").append(type).append("\n");
}

void append_sample(std::string& out, std::string_view name, std::string_view labels, double value) {
  out.append(name).append(labels).append(" ").append(metrics_number(value)).append("\n");
}

/// `before` and `behind`: the labels that stand on either side of `le`.
void append_histogram(std::string& out, std::string_view name, const engine::Histogram& values,
                      std::string_view before, std::string_view behind) {
  std::uint64_t below = 0;
  const std::string plain =
      before.empty() ? "" : "{" + std::string(before) + std::string(behind) + "}";
  for (std::size_t i = 0; i < values.counts().size(); ++i) {
    below += values.counts()[i];
    const bool last = i == values.bounds().size();
    std::string all = "{" + std::string(before);
    if (!before.empty()) all += ",";
    all += "le=\"" + (last ? "+Inf" : metrics_number(values.bounds()[i])) + "\"";
    append_sample(out, std::string(name) + "_bucket", all.append(behind) + "}",
                  static_cast<double>(below));
  }
  append_sample(out, std::string(name) + "_count", plain, static_cast<double>(values.count()));
  append_sample(out, std::string(name) + "_sum", plain, values.sum());
}

/// The item of a list that `matches`, which `make` adds if it is not there yet.
template <class Item, class Matches, class Make>
Item& find_or_add(std::vector<Item>& items, const Matches& matches, const Make& make) {
  const auto at = std::find_if(items.begin(), items.end(), matches);
  return at != items.end() ? *at : items.emplace_back(make());
}

}  // namespace

HttpMetrics::HttpMetrics(double created_seconds)
    : created_seconds_(created_seconds), all_(kManyBounds) {}

void HttpMetrics::add(const HttpRecord& record) {
  if (std::find(kUncounted.begin(), kUncounted.end(), record.handler) != kUncounted.end() ||
      record.handler.starts_with("/sim/")) {
    return;
  }
  const std::string handler(record.handler);
  const std::string method(record.method);
  const std::string status = std::to_string(record.status / 100) + "xx";
  const double now = record.created_seconds;
  ++find_or_add(
        counts_,
        [&](const Count& each) {
          return each.handler == handler && each.method == method && each.status == status;
        },
        [&] {
          return Count{handler, method, status, 0, now};
        })
        .requests;
  Sizes& sizes = find_or_add(
      sizes_, [&](const Sizes& each) { return each.handler == handler; },
      [&] {
        return Sizes{handler, 0, 0, 0, now};
      });
  ++sizes.requests;
  sizes.request_bytes += static_cast<double>(record.request_bytes);
  sizes.response_bytes += static_cast<double>(record.response_bytes);
  find_or_add(
      durations_,
      [&](const Durations& each) { return each.handler == handler && each.method == method; },
      [&] {
        return Durations{handler, method, engine::Histogram(kFewBounds), now};
      })
      .seconds.observe(record.seconds);
  all_.observe(record.seconds);
}

void HttpMetrics::write(std::string& out) const {
  write_counts(out);
  write_sizes(out, "http_request_size_bytes",
              "Content length of incoming requests by handler. Only value of header is respected. "
              "Otherwise ignored. No percentile calculated. ",
              &Sizes::request_bytes);
  write_sizes(out, "http_response_size_bytes",
              "Content length of outgoing responses by handler. Only value of header is "
              "respected. Otherwise ignored. No percentile calculated. ",
              &Sizes::response_bytes);
  constexpr std::string_view kAll = "http_request_duration_highr_seconds";
  constexpr std::string_view kAllCreated = "http_request_duration_highr_seconds_created";
  constexpr std::string_view kAllHelp =
      "Latency with many buckets but no API specific labels. Made for more accurate percentile "
      "calculations. ";
  append_family(out, kAll, "histogram", kAllHelp);
  append_histogram(out, kAll, all_, {}, {});
  append_family(out, kAllCreated, "gauge", kAllHelp);
  append_sample(out, kAllCreated, {}, created_seconds_);
  write_durations(out);
}

void HttpMetrics::write_counts(std::string& out) const {
  constexpr std::string_view kHelp = "Total number of requests by method, status and handler.";
  append_family(out, "http_requests_total", "counter", kHelp);
  for (const Count& each : counts_) {
    append_sample(out, "http_requests_total", labels(each.handler, each.method, each.status),
                  static_cast<double>(each.requests));
  }
  // A family without series has no times of its series either.
  if (counts_.empty()) return;
  append_family(out, "http_requests_created", "gauge", kHelp);
  for (const Count& each : counts_) {
    append_sample(out, "http_requests_created", labels(each.handler, each.method, each.status),
                  each.created_seconds);
  }
}

void HttpMetrics::write_sizes(std::string& out, std::string_view name, std::string_view help,
                              double Sizes::*member) const {
  append_family(out, name, "summary", help);
  for (const Sizes& each : sizes_) {
    append_sample(out, std::string(name) + "_count", labels(each.handler),
                  static_cast<double>(each.requests));
    append_sample(out, std::string(name) + "_sum", labels(each.handler), each.*member);
  }
  if (sizes_.empty()) return;
  const std::string created = std::string(name) + "_created";
  append_family(out, created, "gauge", help);
  for (const Sizes& each : sizes_) {
    append_sample(out, created, labels(each.handler), each.created_seconds);
  }
}

void HttpMetrics::write_durations(std::string& out) const {
  constexpr std::string_view kName = "http_request_duration_seconds";
  constexpr std::string_view kCreated = "http_request_duration_seconds_created";
  constexpr std::string_view kHelp =
      "Latency with only few buckets by handler. Made to be only used if aggregation by handler is "
      "important. ";
  append_family(out, kName, "histogram", kHelp);
  for (const Durations& each : durations_) {
    append_histogram(out, kName, each.seconds, "handler=\"" + each.handler + "\"",
                     ",method=\"" + each.method + "\"");
  }
  if (durations_.empty()) return;
  append_family(out, kCreated, "gauge", kHelp);
  for (const Durations& each : durations_) {
    append_sample(out, kCreated, labels(each.handler, each.method), each.created_seconds);
  }
}

}  // namespace olla::sim
