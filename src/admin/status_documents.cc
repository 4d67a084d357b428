#include "admin/status_documents.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

namespace olla::admin {
namespace {

// Below this an endpoint's success rate is an issue, in percent.
constexpr double kSuccessLow = 90;

// A mean over this is one too. Generations take long; this is when people give up.
constexpr std::int64_t kLatencyHighMs = 30'000;

/// The epoch stands for never.
std::optional<WallTime> known(WallTime time) {
  return time == WallTime{} ? std::nullopt : std::optional(time);
}

/// Whether most of its traffic goes well enough; without traffic nothing is wrong.
bool succeeds_rarely(const metrics::Tally& tally) {
  return tally.requests > tally.clients_left && tally.success_percent() < kSuccessLow;
}

std::string issues_of(const EndpointPicture& endpoint) {
  if (!endpoint.healthy) return "unavailable";
  std::string issues;
  const auto add = [&issues](std::string_view issue) {
    issues.append(issues.empty() ? "" : ", ").append(issue);
  };
  const bool in_a_row = endpoint.view->checks.failures_in_a_row > 0 ||
                        endpoint.breaker.state != fleet::Breaker::State::kClosed;
  if (in_a_row) add("consecutive failures");
  if (succeeds_rarely(endpoint.tally)) add("low success rate");
  if (endpoint.tally.latency_ms() > kLatencyHighMs) add("high latency");
  return issues;
}

/// The one word for the list of endpoints; empty: none.
std::string_view main_issue_of(const EndpointPicture& endpoint) {
  if (!endpoint.healthy) return "unavailable";
  if (!endpoint.routable || endpoint.view->checks.failures_in_a_row > 0) return "unstable";
  if (succeeds_rarely(endpoint.tally)) return "low success rate";
  return {};
}

void add_checks(const EndpointPicture& endpoint, Json& out) {
  const auto last = known(endpoint.view->checks.checked_at);
  const auto next = known(endpoint.view->checks.next_at);
  if (last) out["health_check_at"] = time_text(*last);
  if (next) out["next_check_at"] = time_text(*next);
}

void add_latencies(const metrics::Tally& tally, Json& out) {
  out["min_latency_ms"] = tally.latency_ms_min();
  out["max_latency_ms"] = tally.latency_ms_max();
  if (tally.requests > 0) out["avg_latency_ms"] = tally.latency_ms();
}

/// What Olla's documents do not have.
void add_own(const EndpointPicture& endpoint, Json& out) {
  const metrics::Tally& tally = endpoint.tally;
  out["routable"] = endpoint.routable;
  out["drained"] = endpoint.view->drained;
  out["breaker"] = fleet::to_string(endpoint.breaker.state);
  out["breaker_opened"] = endpoint.breaker.opened_count;
  out["failures"] = tally.failures;
  out["failed_tries"] = tally.failed_tries;
  out["client_disconnects"] = tally.clients_left;
  out["prompt_tokens"] = tally.prompt_tokens;
  out["completion_tokens"] = tally.completion_tokens;
}

/// When the endpoint's models were listed last.
std::optional<WallTime> models_read_at(const EndpointPicture& endpoint, const Moment& now) {
  const auto& read_at = endpoint.view->models_read_at;
  return read_at ? std::optional(now.wall_at(*read_at)) : std::nullopt;
}

Json status_entry(const EndpointPicture& endpoint, const Moment& now) {
  const config::Endpoint& config = endpoint.config();
  const metrics::Tally& tally = endpoint.tally;
  const fleet::CheckReport& checks = endpoint.view->checks;
  const auto models_read = models_read_at(endpoint, now);
  Json out = {
      {"name", config.name},
      {"id", endpoint.id},
      {"url", shown_url(config.url)},
      {"status", endpoint.status},
      {"priority", config.priority},
      {"connections", endpoint.connections},
      {"requests", tally.requests},
      {"success_rate", percent_text(tally.success_percent())},
      {"avg_latency", latency_text(tally.latency_ms())},
      {"traffic", bytes_text(tally.bytes())},
      {"last_check", ago_text(known(checks.checked_at), now.wall)},
      {"next_check", until_text(known(checks.next_at), now.wall)},
      {"issues", issues_of(endpoint)},
      {"models",
       {{"count", endpoint.models},
        {"last_updated", models_read ? time_text(*models_read) : std::string(kNever)}}},
  };
  add_checks(endpoint, out);
  add_latencies(tally, out);
  add_own(endpoint, out);
  return out;
}

Json list_entry(const EndpointPicture& endpoint, const Moment& now) {
  const config::Endpoint& config = endpoint.config();
  const metrics::Tally& tally = endpoint.tally;
  const fleet::CheckReport& checks = endpoint.view->checks;
  const bool has_traffic = tally.requests > 0;
  Json out = {
      {"name", config.name},
      {"type", endpoint.view->profile->name},
      {"status", endpoint.status},
      {"id", endpoint.id},
      {"url", shown_url(config.url)},
      {"priority", config.priority},
      {"model_count", endpoint.models},
      {"request_count", tally.requests},
      {"active_connections", endpoint.connections},
      {"success_rate", has_traffic ? percent_text(tally.success_percent()) : "N/A"},
      {"health_check", ago_text(known(checks.checked_at), now.wall)},
  };
  if (known(checks.checked_at)) {
    out["response_time"] =
        latency_text(std::chrono::duration_cast<std::chrono::milliseconds>(checks.latency).count());
  }
  const auto models_read = models_read_at(endpoint, now);
  if (models_read) {
    out["last_model_sync"] = ago_text(models_read, now.wall);
    out["last_model_sync_at"] = time_text(*models_read);
  }
  const std::string_view issue = main_issue_of(endpoint);
  if (!issue.empty()) out["issues"] = issue;
  add_checks(endpoint, out);
  add_latencies(tally, out);
  add_own(endpoint, out);
  return out;
}

Json system_part(const Picture& picture) {
  const metrics::Totals& totals = picture.totals;
  const bool has_traffic = totals.requests > 0;
  return {
      {"status", to_string(picture.status())},
      {"endpoints_up",
       std::to_string(picture.healthy) + "/" + std::to_string(picture.endpoints.size())},
      {"success_rate", has_traffic ? percent_text(totals.success_percent()) : "N/A"},
      {"avg_latency", latency_text(picture.all.latency_ms())},
      {"total_traffic", bytes_text(picture.all.bytes())},
      {"uptime", uptime_text(picture.now.steady - picture.started.steady)},
      {"version", "v" OLLA_VERSION},
      {"commit", "none"},
      {"start_time", time_text(picture.started.wall)},
      {"active_connections", picture.connections},
      {"security_violations", picture.refusals.rate + picture.refusals.size},
      {"total_requests", totals.requests},
      {"total_failures", totals.failures},
      {"has_traffic", has_traffic},
      {"client_disconnects", totals.clients_left},
      {"retries", totals.retries},
      {"queued_requests", picture.waiting.now},
      {"rejected", totals.rejected},
  };
}

}  // namespace

Json status_document(const Picture& picture) {
  std::vector<const EndpointPicture*> order;
  for (const EndpointPicture& endpoint : picture.endpoints)
    order.push_back(&endpoint);
  std::sort(order.begin(), order.end(), [](const auto* one, const auto* other) {
    const auto rank = [](const EndpointPicture& endpoint) {
      return std::make_tuple(-std::int64_t{endpoint.config().priority}, !endpoint.healthy,
                             std::string_view(endpoint.config().name),
                             std::string_view(endpoint.id));
    };
    return rank(*one) < rank(*other);
  });
  Json endpoints = Json::array();
  for (const EndpointPicture* endpoint : order)
    endpoints.push_back(status_entry(*endpoint, picture.now));
  return {
      {"timestamp", time_text(picture.now.wall)},
      {"proxy",
       {{"engine", "olla"},
        {"profile", picture.config->proxy.profile},
        {"balancer", to_string(picture.config->proxy.load_balancer)}}},
      {"endpoints", std::move(endpoints)},
      {"security",
       {{"status", picture.is_elevated() ? "elevated" : "normal"},
        {"blocked_ips", picture.refusals.clients},
        {"violations",
         {{"rate_limits", picture.refusals.rate}, {"size_limits", picture.refusals.size}}}}},
      {"system", system_part(picture)},
  };
}

Json endpoints_document(const Picture& picture) {
  Json endpoints = Json::array();
  for (const EndpointPicture& endpoint : picture.endpoints)
    endpoints.push_back(list_entry(endpoint, picture.now));
  return {
      {"timestamp", time_text(picture.now.wall)}, {"endpoints", std::move(endpoints)},
      {"total_count", picture.endpoints.size()},  {"healthy_count", picture.healthy},
      {"routable_count", picture.routable},
  };
}

}  // namespace olla::admin
