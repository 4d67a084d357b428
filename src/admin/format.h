#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/moment.h"

namespace olla::admin {

// The texts for people in the gateway's documents, in the very grammar of Olla's, which dashboards
// take apart.

/// "512 B", "3.73 GB": two decimals from 1024 on, to the base 1024, up to PB.
std::string bytes_text(std::uint64_t bytes);

/// "0%", "100%", else one decimal: "66.7%".
std::string percent_text(double percent);

/// "0ms", "47ms"; "2.0s" from a second on.
std::string latency_text(std::int64_t milliseconds);

/// "12s ago", "3m ago"; "never" without a time. Rounded above a minute; a future time is "0s ago".
std::string ago_text(std::optional<WallTime> then, WallTime now);

/// "in 4s", "in 2m"; "now" when it is over, "unknown" without a time.
std::string until_text(std::optional<WallTime> then, WallTime now);

/// "4s", "12m", "3h 5m", "2d 4h".
std::string uptime_text(Duration uptime);

/// As Go writes durations: "1h2m3s" in whole seconds, below one second "932.059µs".
std::string go_duration_text(std::chrono::nanoseconds duration);

/// RFC 3339 in UTC, with as many digits of the fraction as it has, up to nine.
std::string time_text(WallTime time);

/// Go's zero time, which stands for "never" where a time has to be.
constexpr std::string_view kNever = "0001-01-01T00:00:00Z";

/// An endpoint's URL as it may be shown: without credentials, query and fragment.
std::string shown_url(std::string_view url);

/// The name of an endpoint in URLs and dashboards: FNV-1a (32 bit) of its shown URL, to the base
/// 36.
std::string endpoint_id(std::string_view url);

struct NamedUrl {
  std::string_view name;
  std::string_view url;
};

/// The ids of all endpoints, in their order. Those that share a shown URL are told apart by "-0",
/// "-1", ... in the order of their names.
std::vector<std::string> endpoint_ids(const std::vector<NamedUrl>& endpoints);

/// `value` to the base 36.
std::string base36(std::uint64_t value);

}  // namespace olla::admin
