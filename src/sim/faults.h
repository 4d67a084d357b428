#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "sim/answer.h"
#include "sim/fault.h"

namespace olla::sim {

/// The faults of one server: decides which requests they strike. The same seed and the same
/// requests give the same faults.
///
/// No I/O; time is an argument. Not thread-safe.
class Faults {
 public:
  /// Rules that one server may have: each request looks at all of them.
  static constexpr std::size_t kFaultsMax = 100;

  /// Begins anew with these, the time of each counted from `now`.
  void set(std::vector<Fault> faults, std::uint64_t seed, TimePoint now);

  /// The first fault that strikes a request as a whole. Counts it.
  std::optional<Fault> strike_request(std::string_view method, std::string_view path,
                                      TimePoint now);
  /// The first fault that strikes the stream with which a request is answered. Counts it.
  std::optional<Fault> strike_stream(std::string_view path, TimePoint now);
  /// Until when the port is closed; nullopt: it is open.
  [[nodiscard]] std::optional<TimePoint> refused_until(TimePoint now) const;

  /// GET and POST /sim/faults: tells them and how often each struck; takes others in their place.
  Answer handle(const ApiRequest& request, Dialect dialect, TimePoint now);

  /// Bytes that are no HTTP.
  std::string garbage();

 private:
  struct Rule {
    Fault fault;
    std::uint64_t struck = 0;
  };

  bool strikes(Rule& rule, TimePoint now);
  [[nodiscard]] Answer list(TimePoint now) const;

  std::vector<Rule> rules_;
  TimePoint since_;
  Random random_{0};
};

/// What a server with such a fault answers on that path; only of the kinds that answer.
Answer fault_answer(FaultKind kind, std::string_view path, Dialect dialect);

}  // namespace olla::sim
