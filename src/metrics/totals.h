#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/recorder.h"

namespace olla::metrics {

/// What several cells counted together.
struct Tally {
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;
  std::uint64_t clients_left = 0;
  std::uint64_t failed_tries = 0;
  std::array<std::uint64_t, 6> by_status{};
  std::uint64_t first_tries = 0;
  std::uint64_t later_tries = 0;
  std::uint64_t fallbacks = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t prompt_tokens = 0;
  std::uint64_t completion_tokens = 0;
  std::uint64_t cached_tokens = 0;
  std::uint64_t latency_microseconds = 0;
  std::uint64_t latency_microseconds_min = 0;  ///< 0: no success yet.
  std::uint64_t latency_microseconds_max = 0;
  std::uint64_t failures_in_a_row = 0;
  std::optional<TimePoint> last_requested;
  ClientSketch::Registers clients{};
  Distribution duration;
  Distribution first_token;
  Distribution inter_token;

  void add(const Tally& other);

  /// Each request is a success, a failure, or was left by its client.
  [[nodiscard]] std::uint64_t successes() const { return requests - failures - clients_left; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_in + bytes_out; }
  /// Of the requests whose clients stayed, those that succeeded; 0 without any.
  [[nodiscard]] double success_percent() const;
  /// Of the successes, in whole milliseconds; 0 without any.
  [[nodiscard]] std::int64_t latency_ms() const;
  [[nodiscard]] std::int64_t latency_ms_min() const;
  [[nodiscard]] std::int64_t latency_ms_max() const;
  /// Of the successes, by their histogram and within the least and the most that was seen.
  [[nodiscard]] std::int64_t latency_ms_quantile(double quantile) const;
};

/// The requests for one model on one endpoint.
struct PairTally {
  EndpointId endpoint;
  std::string model;  ///< Empty: of requests that named none.
  Tally tally;
};

struct MessagesTally {
  std::uint64_t requests = 0;
  std::uint64_t successes = 0;
  std::uint64_t passed_through = 0;
  std::uint64_t streams = 0;
  std::uint64_t without_endpoint = 0;
  std::uint64_t latency_microseconds = 0;
};

/// What all threads counted together, at one moment.
struct Totals {
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;
  std::uint64_t clients_left = 0;
  std::uint64_t tries = 0;
  std::uint64_t sticky_tries = 0;  ///< Of `tries`: where the request's session was pinned.
  std::uint64_t retries = 0;
  std::uint64_t queued = 0;
  double queued_seconds = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::vector<PairTally> pairs;                                ///< By endpoint, and then by model.
  std::map<std::string, std::uint64_t, std::less<>> rejected;  ///< By reason.
  std::map<std::string, std::uint64_t, std::less<>> failed;    ///< By reason.
  MessagesTally messages;

  [[nodiscard]] std::uint64_t rejections() const;
  [[nodiscard]] std::uint64_t bytes() const { return bytes_in + bytes_out; }
  [[nodiscard]] double success_percent() const;
  /// Everything that came to endpoints.
  [[nodiscard]] Tally all() const;
  /// By the endpoints' ids, of which there are `endpoints`.
  [[nodiscard]] std::vector<Tally> by_endpoint(std::size_t endpoints) const;
  /// The endpoints of each model, by the spelling of the model that the first of them has. Without
  /// the requests that named no model. The pointers are into `pairs`.
  [[nodiscard]] std::map<std::string, std::vector<const PairTally*>> pairs_by_model() const;
  /// The same added up.
  [[nodiscard]] std::map<std::string, Tally> by_model() const;
};

/// Adds up what the recorders hold. A model that threads spell in different cases is one.
class Adder {
 public:
  void add(const Recorder& recorder);
  [[nodiscard]] Totals totals();

 private:
  struct Pair {
    Tally tally;
    std::string model;
    std::uint64_t last_success = 0;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> runs;  // Last failure, failures in a row.
  };

  Totals totals_;
  std::map<std::pair<EndpointId, std::string>, Pair> pairs_;  // By the model in lower case.
};

}  // namespace olla::metrics
