#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/engine/histogram.h"

namespace olla::sim {

/// One request that was answered.
struct HttpRecord {
  std::string_view handler;  ///< The path as the routes have it, or "none".
  std::string_view method;
  int status = 0;
  std::uint64_t request_bytes = 0;  ///< As the content-length says; 0 without one.
  std::uint64_t response_bytes = 0;
  double seconds = 0;            ///< From the request's head to the last byte of its answer.
  double created_seconds = 0.0;  ///< Now, since 1970.
};

/// What a server tells of the requests over HTTP, whatever they were for. Routes, methods and
/// classes of status are few, and so are the series.
class HttpMetrics {
 public:
  /// `created_seconds`: when the server started, since 1970.
  explicit HttpMetrics(double created_seconds);

  /// Counts one. Health, metrics and the like are not counted, and neither is what vLLM has not.
  void add(const HttpRecord& record);

  /// The families `http_*` in the text format of Prometheus.
  void write(std::string& out) const;

 private:
  struct Count {
    std::string handler;
    std::string method;
    std::string status;
    std::uint64_t requests = 0;
    double created_seconds = 0;
  };
  struct Sizes {
    std::string handler;
    std::uint64_t requests = 0;
    double request_bytes = 0;
    double response_bytes = 0;
    double created_seconds = 0;
  };
  struct Durations {
    std::string handler;
    std::string method;
    engine::Histogram seconds;
    double created_seconds = 0;
  };

  void write_counts(std::string& out) const;
  void write_sizes(std::string& out, std::string_view name, std::string_view help,
                   double Sizes::*member) const;
  void write_durations(std::string& out) const;

  double created_seconds_;
  std::vector<Count> counts_;
  std::vector<Sizes> sizes_;
  std::vector<Durations> durations_;
  engine::Histogram all_;
};

}  // namespace olla::sim
