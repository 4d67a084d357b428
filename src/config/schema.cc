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

constexpr std::uint64_t kSecond = 1000;
// No wait in this program has a reason to be longer than a day.
constexpr std::uint64_t kLongest = 24 * 3600 * kSecond;
// More per minute than one gateway can serve.
constexpr std::uint64_t kRequestsMax = 1'000'000'000;
// As many as a fleet has endpoints.
constexpr std::uint64_t kAttemptsMax = 1024;

constexpr Key mapping(std::string_view path) {
  return {.path = path, .kind = Kind::kMapping};
}
constexpr Key list(std::string_view path, std::string_view initial = "") {
  return {.path = path, .kind = Kind::kList, .initial = initial};
}
constexpr Key text(std::string_view path, std::string_view initial = "") {
  return {.path = path, .kind = Kind::kText, .initial = initial};
}
constexpr Key integer(std::string_view path, std::string_view initial, std::uint64_t min,
                      std::uint64_t max) {
  return {.path = path, .kind = Kind::kInteger, .initial = initial, .min = min, .max = max};
}
constexpr Key duration(std::string_view path, std::string_view initial, std::uint64_t min,
                       std::uint64_t max = kLongest) {
  return {.path = path, .kind = Kind::kDuration, .initial = initial, .min = min, .max = max};
}
constexpr Key size(std::string_view path, std::string_view initial, std::uint64_t min,
                   std::uint64_t max) {
  return {.path = path, .kind = Kind::kSize, .initial = initial, .min = min, .max = max};
}
/// A file of Olla may have 0 there.
constexpr Key or_zero(Key key) {
  key.zero_is_default = true;
  return key;
}
constexpr Key boolean(std::string_view path, std::string_view initial) {
  return {.path = path, .kind = Kind::kBoolean, .initial = initial};
}
constexpr Key choice(std::string_view path, std::string_view initial, std::string_view choices) {
  return {.path = path, .kind = Kind::kChoice, .initial = initial, .choices = choices};
}
constexpr Key ignored(std::string_view path, std::string_view silent, std::string_view reason) {
  return {.path = path,
          .kind = Kind::kMapping,
          .status = Key::Status::kIgnored,
          .silent = silent,
          .reason = reason};
}

constexpr Key kKeys[] = {
    mapping("server"),
    text("server.host", "localhost"),
    integer("server.port", "40114", 0, 65535),
    integer("server.threads", "0", 0, 256),
    duration("server.read_header_timeout", "10s", 0),
    or_zero(duration("server.read_timeout", "30s", 1)),
    duration("server.idle_timeout", "0s", 0),
    duration("server.shutdown_timeout", "10s", 0),
    boolean("server.request_logging", "true"),
    mapping("server.request_limits"),
    size("server.request_limits.max_body_size", "100MiB", 1, 16ULL << 30),
    or_zero(size("server.request_limits.max_header_size", "1MiB", 4096, 16ULL << 20)),
    mapping("server.rate_limits"),
    integer("server.rate_limits.global_requests_per_minute", "0", 0, kRequestsMax),
    integer("server.rate_limits.per_ip_requests_per_minute", "0", 0, kRequestsMax),
    integer("server.rate_limits.burst_size", "50", 1, kRequestsMax),
    or_zero(duration("server.rate_limits.cleanup_interval", "5m", kSecond)),
    boolean("server.rate_limits.trust_proxy_headers", "false"),
    list("server.rate_limits.trusted_proxy_cidrs",
         "[127.0.0.0/8, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]"),
    ignored("server.rate_limits.health_requests_per_minute", "1000",
            "requests for the gateway's health are never limited"),
    ignored("server.rate_limits.per_endpoint", "",
            "max_concurrent of an endpoint limits what it gets"),
    mapping("server.cors"),
    boolean("server.cors.enabled", "false"),
    list("server.cors.allowed_origins", "['*']"),
    list("server.cors.allowed_methods", "[GET, POST, OPTIONS]"),
    list("server.cors.allowed_headers", "['*']"),
    list("server.cors.exposed_headers", "[]"),
    boolean("server.cors.allow_credentials", "false"),
    integer("server.cors.max_age", "300", 0, 86'400),
    ignored("server.write_timeout", "0, 0s, 0ms",
            "it would cut long streams; proxy.read_timeout ends those that have stopped"),

    mapping("proxy"),
    choice("proxy.engine", "olla", "olla, sherpa"),
    choice("proxy.profile", "auto", "auto, streaming, standard"),
    choice("proxy.load_balancer", "least-connections",
           "priority, round-robin, least-connections, random, power-of-two"),
    duration("proxy.connection_timeout", "5s", 1),
    duration("proxy.connection_keep_alive", "30s", 0),
    duration("proxy.response_timeout", "15m", 0),
    duration("proxy.response_header_timeout", "15m", 0),
    or_zero(duration("proxy.read_timeout", "10m", 1)),
    integer("proxy.max_retries", "", 0, kAttemptsMax - 1),
    mapping("proxy.retry"),
    boolean("proxy.retry.enabled", "true"),
    boolean("proxy.retry.on_connection_failure", "true"),
    integer("proxy.retry.max_attempts", "0", 0, kAttemptsMax),
    mapping("proxy.sticky_sessions"),
    boolean("proxy.sticky_sessions.enabled", "false"),
    integer("proxy.sticky_sessions.idle_ttl_seconds", "600", 0, 30 * 86'400),
    integer("proxy.sticky_sessions.max_sessions", "10000", 1, 1'000'000),
    list("proxy.sticky_sessions.key_sources", "[session_header, prefix_hash, auth_header]"),
    integer("proxy.sticky_sessions.prefix_hash_bytes", "512", 1, 1'048'576),
    integer("proxy.sticky_sessions.max_imbalance", "16", 0, 1'000'000),
    ignored("proxy.tls_handshake_timeout", "10s, 0, 0s", "endpoints are asked without TLS"),
    ignored("proxy.stream_buffer_size", "0",
            "every piece of an answer is passed on as it comes, 64 KiB at most"),
    ignored("proxy.retry_backoff", "0, 0s", "another endpoint is asked at once"),
    ignored("proxy.profile_filter", "", "the types of all endpoints that are listed are in use"),

    mapping("retry"),
    boolean("retry.enabled", "true"),
    integer("retry.max_attempts", "0", 0, kAttemptsMax),
    integer("retry.budget_percent", "50", 0, 1000),
    boolean("retry.non_idempotent", "true"),
    mapping("queue"),
    duration("queue.wait", "0s", 0),
    integer("queue.max_requests", "1024", 0, 1'000'000),
    mapping("breaker"),
    boolean("breaker.enabled", "true"),
    integer("breaker.failures", "5", 1, 1000),
    duration("breaker.open_for", "30s", 1),
    mapping("health"),
    integer("health.unhealthy_after", "2", 1, 1000),
    integer("health.healthy_after", "1", 1, 1000),
    duration("health.slow_start", "10s", 0),

    text("profiles_dir"),

    mapping("vllm"),
    duration("vllm.metrics_interval", "1s", 0),
    boolean("vllm.translate_parameters", "true"),
    list("vllm.admin_routes"),

    list("endpoints"),
    text("endpoints[].url"),
    text("endpoints[].name"),
    text("endpoints[].type", "auto"),
    integer("endpoints[].priority", "100", 0, std::numeric_limits<int>::max()),
    integer("endpoints[].weight", "1", 1, 1000),
    integer("endpoints[].max_concurrent", "0", 0, 1'000'000),
    text("endpoints[].model_url"),
    text("endpoints[].health_check_url"),
    duration("endpoints[].check_interval", "5s", 100),
    duration("endpoints[].check_timeout", "2s", 1, 30 * kSecond),
    integer("endpoints[].unhealthy_after", "", 1, 1000),
    integer("endpoints[].healthy_after", "", 1, 1000),
    duration("endpoints[].slow_start", "", 0),
    text("endpoints[].gpu_metrics_url"),
    boolean("endpoints[].preserve_path", "false"),
    mapping("endpoints[].model_filter"),
    list("endpoints[].model_filter.include"),
    list("endpoints[].model_filter.exclude"),
    mapping("endpoints[].headers"),
    mapping("endpoints[].auth"),
    choice("endpoints[].auth.type", "", "bearer, api_key, basic"),
    text("endpoints[].auth.token"),
    text("endpoints[].auth.token_file"),
    text("endpoints[].auth.key"),
    text("endpoints[].auth.key_file"),
    text("endpoints[].auth.header", "X-Api-Key"),
    text("endpoints[].auth.username"),
    text("endpoints[].auth.username_file"),
    text("endpoints[].auth.password"),
    text("endpoints[].auth.password_file"),
    boolean("endpoints[].forward_client_auth", "false"),

    mapping("discovery"),
    choice("discovery.type", "static", "static"),
    mapping("discovery.static"),
    list("discovery.static.endpoints"),
    mapping("discovery.model_discovery"),
    boolean("discovery.model_discovery.enabled", "true"),
    duration("discovery.model_discovery.interval", "5m", 100),
    duration("discovery.model_discovery.timeout", "30s", 1),
    integer("discovery.model_discovery.concurrent_workers", "5", 1, 1024),
    integer("discovery.model_discovery.retry_attempts", "3", 0, 100),
    duration("discovery.model_discovery.retry_backoff", "1s", 1),
    ignored("discovery.refresh_interval", "30s",
            "the endpoints of a file are the same until the gateway is started anew"),
    ignored("discovery.health_check", "",
            "every endpoint is checked at once, and then by its check_interval"),

    mapping("model_registry"),
    choice("model_registry.type", "memory", "memory"),
    boolean("model_registry.enable_unifier", "true"),
    mapping("model_registry.unification"),
    duration("model_registry.unification.stale_threshold", "24h", kSecond, 30 * kLongest),
    or_zero(duration("model_registry.unification.cleanup_interval", "10m", kSecond)),
    mapping("model_registry.routing_strategy"),
    choice("model_registry.routing_strategy.type", "strict", "strict, optimistic, discovery"),
    mapping("model_registry.routing_strategy.options"),
    choice("model_registry.routing_strategy.options.fallback_behavior", "compatible_only",
           "none, compatible_only, all"),
    duration("model_registry.routing_strategy.options.discovery_timeout", "2s", 1),
    boolean("model_registry.routing_strategy.options.discovery_refresh_on_miss", "false"),
    mapping("model_aliases"),
    boolean("model_aliases_rewrite_response", "false"),

    mapping("translators"),
    mapping("translators.anthropic"),
    boolean("translators.anthropic.enabled", "true"),
    boolean("translators.anthropic.passthrough_enabled", "true"),
    size("translators.anthropic.max_message_size", "10MiB", 0, 100ULL << 20),
    mapping("translators.anthropic.inspector"),
    ignored("translators.anthropic.inspector.enabled", "false",
            "requests and answers are never written to files"),
    ignored("translators.anthropic.inspector.output_dir", "logs/inspector/anthropic",
            "requests and answers are never written to files"),
    ignored("translators.anthropic.inspector.session_header", "X-Session-ID",
            "requests and answers are never written to files"),

    mapping("internal"),
    mapping("internal.access_policy"),
    list("internal.access_policy.allowed_cidrs", "[127.0.0.0/8, '::1/128']"),
    list("internal.access_policy.allowed_hosts", "[localhost]"),
    mapping("dashboard"),
    mapping("dashboard.access_policy"),
    list("dashboard.access_policy.allowed_cidrs", "[127.0.0.0/8, '::1/128']"),
    list("dashboard.access_policy.allowed_hosts", "[localhost]"),
    boolean("dashboard.gate_internal_api", "false"),
    ignored("dashboard.enabled", "false", "there is no web page yet"),

    mapping("logging"),
    choice("logging.level", "info", "debug, info, warn, warning, error"),
    choice("logging.format", "json", "json, text"),
    choice("logging.output", "stdout", "stdout, file"),
    text("logging.directory", "./logs"),
    size("logging.max_size", "1MiB", 4096, 1ULL << 40),
    integer("logging.max_backups", "7", 0, 1000),
    mapping("engineering"),
    ignored("engineering.show_nerdstats", "false", "/internal/process tells what it would show"),
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

bool is_in(std::string_view list, std::string_view word) {
  if (word.empty() || word.find(',') != std::string_view::npos) return false;
  const std::string padded = ", " + std::string(list) + ", ";
  return padded.find(", " + std::string(word) + ", ") != std::string::npos;
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
  const std::string zero = key.zero_is_default ? "0 or " : "";
  const auto time = [](std::uint64_t value) {
    return duration_text(std::chrono::milliseconds(value));
  };
  switch (key.kind) {
    case Kind::kInteger:
      return std::to_string(key.min) + " to " + std::to_string(key.max);
    case Kind::kDuration:
      return zero + time(key.min) + " to " + time(key.max);
    case Kind::kSize:
      return zero + size_text(key.min) + " to " + size_text(key.max);
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
