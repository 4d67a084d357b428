#include "config/schema.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "config/ascii.h"
#include "config/units.h"

namespace olla::config {
namespace {

using Status = Key::Status;

constexpr std::uint64_t kSecond = 1000;
// No wait in this program has a reason to be longer than a day.
constexpr std::uint64_t kLongest = 24 * 3600 * kSecond;

constexpr Key mapping(std::string_view path) {
  return {path, Kind::kMapping};
}
constexpr Key list(std::string_view path) {
  return {path, Kind::kList};
}
constexpr Key text(std::string_view path, std::string_view initial = "") {
  return {path, Kind::kText, Status::kImplemented, initial};
}
constexpr Key integer(std::string_view path, std::string_view initial, std::uint64_t max) {
  return {path, Kind::kInteger, Status::kImplemented, initial, 0, max};
}
constexpr Key duration(std::string_view path, std::string_view initial, std::uint64_t min,
                       std::uint64_t max = kLongest) {
  return {path, Kind::kDuration, Status::kImplemented, initial, min, max};
}
constexpr Key size(std::string_view path, std::string_view initial, std::uint64_t min,
                   std::uint64_t max) {
  return {path, Kind::kSize, Status::kImplemented, initial, min, max};
}
constexpr Key boolean(std::string_view path, std::string_view initial) {
  return {path, Kind::kBoolean, Status::kImplemented, initial};
}
constexpr Key choice(std::string_view path, std::string_view initial, std::string_view choices) {
  return {path, Kind::kChoice, Status::kImplemented, initial, 0, 0, choices};
}
constexpr Key ignored(std::string_view path) {
  return {path, Kind::kMapping, Status::kIgnored};
}

constexpr Key kKeys[] = {
    mapping("server"),
    text("server.host", "localhost"),
    integer("server.port", "40114", 65535),
    integer("server.threads", "0", 256),
    duration("server.read_header_timeout", "10s", 0),
    duration("server.read_timeout", "30s", 1),
    duration("server.idle_timeout", "0s", 0),
    duration("server.shutdown_timeout", "10s", 0),
    mapping("server.request_limits"),
    size("server.request_limits.max_body_size", "100MiB", 1, 16ULL << 30),
    size("server.request_limits.max_header_size", "1MiB", 4096, 16ULL << 20),
    ignored("server.write_timeout"),
    ignored("server.request_logging"),
    ignored("server.rate_limits"),
    ignored("server.cors"),

    mapping("proxy"),
    duration("proxy.connection_timeout", "5s", 1),
    duration("proxy.response_header_timeout", "15m", 0),
    duration("proxy.read_timeout", "10m", 1),
    ignored("proxy.engine"),
    ignored("proxy.profile"),
    ignored("proxy.load_balancer"),
    ignored("proxy.connection_keep_alive"),
    ignored("proxy.response_timeout"),
    ignored("proxy.tls_handshake_timeout"),
    ignored("proxy.stream_buffer_size"),
    ignored("proxy.max_retries"),
    ignored("proxy.retry_backoff"),
    ignored("proxy.retry"),
    ignored("proxy.profile_filter"),
    ignored("proxy.sticky_sessions"),

    mapping("vllm"),
    duration("vllm.metrics_interval", "1s", 0),
    boolean("vllm.translate_parameters", "true"),
    list("vllm.admin_routes"),

    list("endpoints"),
    text("endpoints[].url"),
    text("endpoints[].name"),
    text("endpoints[].type", "auto"),
    integer("endpoints[].priority", "100", std::numeric_limits<int>::max()),
    text("endpoints[].model_url"),
    text("endpoints[].health_check_url"),
    duration("endpoints[].check_interval", "5s", 100),
    duration("endpoints[].check_timeout", "2s", 1, 30 * kSecond),
    text("endpoints[].gpu_metrics_url"),
    mapping("endpoints[].headers"),
    boolean("endpoints[].forward_client_auth", "false"),
    ignored("endpoints[].preserve_path"),
    ignored("endpoints[].model_filter"),
    ignored("endpoints[].auth"),

    mapping("discovery"),
    choice("discovery.type", "static", "static"),
    mapping("discovery.static"),
    list("discovery.static.endpoints"),
    ignored("discovery.refresh_interval"),
    ignored("discovery.health_check"),
    ignored("discovery.model_discovery"),

    mapping("logging"),
    choice("logging.level", "info", "debug, info, warn, warning, error"),
    choice("logging.format", "json", "json, text"),
    ignored("logging.output"),

    ignored("model_registry"),
    ignored("model_aliases"),
    ignored("translators"),
    ignored("engineering"),
    ignored("dashboard"),
};

/// The path without its last name, and that name.
std::pair<std::string_view, std::string_view> split(std::string_view path) {
  const auto dot = path.rfind('.');
  if (dot == std::string_view::npos) return {"", path};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

/// Insertions, deletions, replacements and swaps of neighbours that make `a` into `b` (Damerau
/// 1964, without edits inside a swap).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    cost[i][0] = i;
  std::iota(cost[0].begin(), cost[0].end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({replaced, cost[i - 1][j] + 1, cost[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost.back().back();
}

}  // namespace

std::span<const Key> keys() {
  return kKeys;
}

const Key* find_key(std::string_view path) {
  const auto* found = std::find_if(std::begin(kKeys), std::end(kKeys),
                                   [path](const Key& key) { return key.path == path; });
  return found == std::end(kKeys) ? nullptr : found;
}

std::string_view kind_text(Kind kind) {
  switch (kind) {
    case Kind::kMapping:
      return "mapping";
    case Kind::kList:
      return "list";
    case Kind::kText:
      return "text";
    case Kind::kInteger:
      return "integer";
    case Kind::kDuration:
      return "duration";
    case Kind::kSize:
      return "size";
    case Kind::kBoolean:
      return "boolean";
    case Kind::kChoice:
      return "choice";
  }
  return "";
}

std::string allowed_text(const Key& key) {
  const auto time = [](std::uint64_t value) {
    return duration_text(std::chrono::milliseconds(value));
  };
  switch (key.kind) {
    case Kind::kInteger:
      return std::to_string(key.min) + " to " + std::to_string(key.max);
    case Kind::kDuration:
      return time(key.min) + " to " + time(key.max);
    case Kind::kSize:
      return size_text(key.min) + " to " + size_text(key.max);
    case Kind::kBoolean:
      return "true, false";
    case Kind::kChoice:
      return std::string(key.choices);
    case Kind::kMapping:
    case Kind::kList:
    case Kind::kText:
      break;
  }
  return "";
}

std::string nearest_key(std::string_view parent, std::string_view name) {
  // Longer than any key: not a slip of the pen, and the distance costs the product of the lengths.
  static constexpr std::size_t kLengthMax = 64;
  if (name.size() > kLengthMax) return "";
  const std::string wanted = lower_ascii(name);
  std::string_view nearest;
  // A third of the letters may be wrong: "chek_intervall" is near, "foo" is near to nothing.
  std::size_t best = std::max<std::size_t>(name.size() / 3, 1) + 1;
  std::string_view elsewhere;
  for (const Key& key : kKeys) {
    const auto [mapping, leaf] = split(key.path);
    if (mapping == parent) {
      const std::size_t distance = edit_distance(wanted, leaf);
      if (distance < best) {
        best = distance;
        nearest = leaf;
      }
    } else if (leaf == wanted && elsewhere.empty()) {
      elsewhere = key.path;
    }
  }
  return std::string(elsewhere.empty() ? nearest : elsewhere);
}

}  // namespace olla::config
