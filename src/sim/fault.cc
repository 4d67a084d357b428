#include "sim/fault.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "config/units.h"

namespace olla::sim {
namespace {

// A request that is longer than a day late is one that hangs.
constexpr std::chrono::hours kDurationMax{24};
// A port that opens again sooner might still belong to the listener that closed.
constexpr std::chrono::milliseconds kRefusalMin{100};

constexpr auto kNames = std::to_array<std::pair<std::string_view, FaultKind>>({
    {"refuse", FaultKind::kRefuse},
    {"reset", FaultKind::kReset},
    {"hang", FaultKind::kHang},
    {"delay", FaultKind::kDelay},
    {"garbage", FaultKind::kGarbage},
    {"busy", FaultKind::kBusy},
    {"engine_dead", FaultKind::kEngineDead},
    {"shutting_down", FaultKind::kShuttingDown},
    {"internal_error", FaultKind::kInternalError},
    {"unhealthy", FaultKind::kUnhealthy},
    {"stream_reset", FaultKind::kStreamReset},
    {"stream_close", FaultKind::kStreamClose},
    {"stream_end", FaultKind::kStreamEnd},
    {"stream_hang", FaultKind::kStreamHang},
    {"stream_error", FaultKind::kStreamError},
    {"stream_garbage", FaultKind::kStreamGarbage},
    {"stream_slow", FaultKind::kStreamSlow},
});

Error wrong(std::string detail) {
  return Error{Errc::kMalformed, Side::kClient, std::move(detail)};
}

Error wrong_value(std::string_view name, std::string_view wanted) {
  return wrong("`" + std::string(name) + "` of a fault must be " + std::string(wanted));
}

Result<std::uint64_t> whole_number(std::string_view name, std::string_view value) {
  auto number = config::parse_whole_number(value);
  if (!number) return wrong_value(name, "a whole number");
  return number;
}

std::optional<Error> set_kind(Fault& fault, std::string_view value) {
  const auto* const at = std::find_if(kNames.begin(), kNames.end(),
                                      [value](const auto& each) { return each.first == value; });
  if (at != kNames.end()) {
    fault.kind = at->second;
    return std::nullopt;
  }
  std::string names;
  for (const auto& [name, kind] : kNames) {
    names.append(names.empty() ? "" : ", ").append(name);
  }
  return wrong_value("kind", "one of " + names);
}

std::optional<Error> set_probability(Fault& fault, std::string_view value) {
  const char* const end = value.data() + value.size();
  double read = 0;
  const auto [at, error] = std::from_chars(value.data(), end, read);
  if (error != std::errc() || at != end || !(read >= 0 && read <= 1)) {
    return wrong_value("probability", "a number from 0 to 1");
  }
  fault.probability = read;
  return std::nullopt;
}

Result<Duration> duration(std::string_view name, std::string_view value) {
  const auto read = config::parse_duration(value);
  if (!read || *read > kDurationMax) {
    return wrong_value(name, "a duration such as 500ms or 10s, of a day at most");
  }
  return Duration(*read);
}

}  // namespace

bool befalls_streams(FaultKind kind) {
  return kind >= FaultKind::kStreamReset;
}

std::string_view fault_name(FaultKind kind) {
  return kNames.at(static_cast<std::size_t>(kind)).first;
}

std::optional<Error> set_member(Fault& fault, std::string_view name, std::string_view value) {
  if (name == "kind") return set_kind(fault, value);
  if (name == "probability") return set_probability(fault, value);
  if (name == "path") {
    fault.path = value;
    return std::nullopt;
  }
  if (name == "count" || name == "after") {
    const auto number = whole_number(name, value);
    if (!number) return number.error();
    if (name == "count") fault.count = *number;
    if (name == "after") fault.after = static_cast<std::size_t>(*number);
    return std::nullopt;
  }
  if (name == "for" || name == "delay") {
    const auto read = duration(name, value);
    if (!read) return read.error();
    if (name == "for") fault.lasts = *read;
    if (name == "delay") fault.delay = *read;
    return std::nullopt;
  }
  return wrong("a fault has no `" + std::string(name) +
               "`: kind, count, probability, for, after, delay and path are what it has");
}

std::optional<Error> check_fault(const Fault& fault) {
  if (fault.kind != FaultKind::kRefuse) return std::nullopt;
  if (!fault.lasts || *fault.lasts < kRefusalMin) {
    return wrong("`refuse` needs `for`, of 100ms or more: nobody could end it over a closed port");
  }
  if (fault.count || fault.probability < 1 || !fault.path.empty()) {
    return wrong("`refuse` has `for` and nothing else: it befalls a port and not requests");
  }
  return std::nullopt;
}

Result<Fault> parse_fault(std::string_view text) {
  Fault fault;
  std::size_t comma = text.find(',');
  if (auto problem = set_kind(fault, text.substr(0, comma))) return std::move(*problem);
  while (comma != std::string_view::npos) {
    text.remove_prefix(comma + 1);
    comma = text.find(',');
    const std::string_view member = text.substr(0, comma);
    const std::size_t equals = member.find('=');
    if (equals == std::string_view::npos) {
      return wrong("`" + std::string(member) + "` of a fault must be name=value");
    }
    auto problem = set_member(fault, member.substr(0, equals), member.substr(equals + 1));
    if (problem) return std::move(*problem);
  }
  if (auto problem = check_fault(fault)) return std::move(*problem);
  return fault;
}

}  // namespace olla::sim
