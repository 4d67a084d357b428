#include "admin/metrics_page.h"

#include <array>

#include "metrics/exposition.h"

namespace olla::admin {
namespace {

using metrics::Exposition;
using metrics::PairTally;
using metrics::Tally;

// Families of Olla's have its HELP texts; panels show them.
constexpr std::string_view kGauge = "gauge";
constexpr std::string_view kCounter = "counter";

std::uint64_t breaker_number(fleet::Breaker::State state) {
  switch (state) {
    case fleet::Breaker::State::kClosed:
      return 0;
    case fleet::Breaker::State::kHalfOpen:
      return 1;
    default:
      return 2;
  }
}

std::uint64_t count_of(bool value) {
  return value ? 1 : 0;
}

/// One family with one sample and no label.
template <class Value>
void single(Exposition& page, std::string_view name, std::string_view type, std::string_view help,
            Value value) {
  page.family(name, type, help);
  page.sample({}, value);
}

void write_system(const Picture& picture, Exposition& page) {
  const metrics::Totals& totals = picture.totals;
  page.family("olla_info", kGauge, "Olla build and proxy configuration");
  page.sample({{"version", "v" OLLA_VERSION},
               {"commit", "none"},
               {"engine", "olla"},
               {"profile", picture.config->proxy.profile},
               {"balancer", to_string(picture.config->proxy.load_balancer)}},
              std::uint64_t{1});
  single(page, "olla_system_status", kGauge,
         "Overall system status (2=healthy, 1=degraded, 0=critical)",
         static_cast<std::uint64_t>(picture.status()));
  single(page, "olla_endpoints_total", kGauge, "Total configured endpoints",
         std::uint64_t{picture.endpoints.size()});
  single(page, "olla_endpoints_healthy", kGauge, "Number of healthy endpoints",
         std::uint64_t{picture.healthy});
  single(page, "olla_success_rate_percent", kGauge, "Proxy success rate percentage",
         totals.success_percent());
  single(page, "olla_avg_latency_ms", kGauge, "Average proxy latency in milliseconds",
         picture.all.latency_ms());
  single(page, "olla_total_traffic_bytes", kGauge, "Total traffic across all endpoints in bytes",
         picture.all.bytes());
  single(page, "olla_uptime_seconds", kGauge, "Olla process uptime in seconds",
         std::chrono::duration<double>(picture.now.steady - picture.started.steady).count());
  single(page, "olla_active_connections", kGauge, "Active connections across all endpoints",
         picture.connections);
  single(page, "olla_security_violations_total", kCounter, "Total security violations",
         picture.refusals.rate + picture.refusals.size);
  single(page, "olla_requests_total", kCounter, "Total proxy requests processed", totals.requests);
  single(page, "olla_failures_total", kCounter, "Total failed proxy requests", totals.failures);
  single(page, "olla_security_blocked_ips", kGauge, "Unique IPs blocked by rate limiting",
         picture.refusals.clients);
  single(page, "olla_security_rate_limit_violations_total", kCounter, "Rate limit violations",
         picture.refusals.rate);
  single(page, "olla_security_size_limit_violations_total", kCounter,
         "Request size limit violations", picture.refusals.size);
  single(page, "olla_security_status", kGauge, "Security posture (1=normal, 0=elevated)",
         count_of(!picture.is_elevated()));
}

/// One family with a sample for each endpoint.
template <class ValueOf>
void per_endpoint(const Picture& picture, Exposition& page, std::string_view name,
                  std::string_view type, std::string_view help, ValueOf value_of) {
  page.family(name, type, help);
  for (const EndpointPicture& endpoint : picture.endpoints)
    page.sample({{"endpoint", endpoint.config().name}}, value_of(endpoint));
}

void write_endpoints(const Picture& picture, Exposition& page) {
  page.family("olla_endpoint_up", kGauge, "Whether the endpoint is healthy (1) or not (0)");
  for (const EndpointPicture& endpoint : picture.endpoints)
    page.sample({{"endpoint", endpoint.config().name}, {"status", endpoint.status}},
                count_of(endpoint.healthy));
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help,
                        auto value_of) { per_endpoint(picture, page, name, type, help, value_of); };
  each("olla_endpoint_requests_total", kCounter, "Total requests handled by endpoint",
       [](const EndpointPicture& endpoint) { return endpoint.tally.requests; });
  each("olla_endpoint_connections", kGauge, "Active connections for endpoint",
       [](const EndpointPicture& endpoint) { return std::uint64_t{endpoint.connections}; });
  each("olla_endpoint_success_rate_percent", kGauge, "Endpoint success rate percentage",
       [](const EndpointPicture& endpoint) { return endpoint.tally.success_percent(); });
  each("olla_endpoint_avg_latency_ms", kGauge, "Endpoint average latency in milliseconds",
       [](const EndpointPicture& endpoint) { return endpoint.tally.latency_ms(); });
  each("olla_endpoint_traffic_bytes", kCounter, "Total traffic for endpoint in bytes",
       [](const EndpointPicture& endpoint) { return endpoint.tally.bytes(); });
  each("olla_endpoint_priority", kGauge, "Endpoint routing priority",
       [](const EndpointPicture& endpoint) { return std::int64_t{endpoint.config().priority}; });
  each("olla_endpoint_models_count", kGauge, "Number of models discovered on endpoint",
       [](const EndpointPicture& endpoint) { return std::uint64_t{endpoint.models}; });
  // From here on our own.
  each("olla_endpoint_routable", kGauge, "Whether requests may go to the endpoint (1) or not (0)",
       [](const EndpointPicture& endpoint) { return count_of(endpoint.routable); });
  each("olla_endpoint_breaker_state", kGauge,
       "The endpoint's circuit breaker (0=closed, 1=half open, 2=open)",
       [](const EndpointPicture& endpoint) { return breaker_number(endpoint.breaker.state); });
  each(
      "olla_endpoint_breaker_opened_total", kCounter, "How often the breaker opened",
      [](const EndpointPicture& endpoint) { return std::uint64_t{endpoint.breaker.opened_count}; });
  each("olla_endpoint_drained", kGauge, "Whether the operator has drained the endpoint (1)",
       [](const EndpointPicture& endpoint) { return count_of(endpoint.view->drained); });
  each("olla_endpoint_health_check_seconds", kGauge, "Duration of the last health check",
       [](const EndpointPicture& endpoint) {
         return std::chrono::duration<double>(endpoint.view->checks.latency).count();
       });
  each("olla_endpoint_health_check_failures", kGauge,
       "Health checks in a row that failed, up to and with the last",
       [](const EndpointPicture& endpoint) {
         return std::uint64_t{endpoint.view->checks.failures_in_a_row};
       });
  page.family("olla_health_checks_total", kCounter,
              "Health checks of the endpoint by what they said");
  for (const EndpointPicture& endpoint : picture.endpoints) {
    const auto& counts = endpoint.view->checks.counts;
    for (std::size_t i = 1; i < counts.size(); ++i) {
      page.sample({{"endpoint", endpoint.config().name},
                   {"outcome", fleet::to_string(static_cast<fleet::Verdict>(i))}},
                  counts.at(i));
    }
  }
  each("olla_endpoint_failures_total", kCounter, "Requests that failed on the endpoint for good",
       [](const EndpointPicture& endpoint) { return endpoint.tally.failures; });
  each("olla_endpoint_failed_tries_total", kCounter,
       "Tries that failed on the endpoint, those that another endpoint made good included",
       [](const EndpointPicture& endpoint) { return endpoint.tally.failed_tries; });
  each("olla_endpoint_client_disconnects_total", kCounter,
       "Requests whose client left before it had the endpoint's whole answer",
       [](const EndpointPicture& endpoint) { return endpoint.tally.clients_left; });
  constexpr std::array<std::string_view, 6> kClasses{"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  page.family("olla_endpoint_responses_total", kCounter,
              "Requests handled by endpoint by the class of the status that the client got");
  for (const EndpointPicture& endpoint : picture.endpoints) {
    for (std::size_t i = 0; i < kClasses.size(); ++i) {
      if (endpoint.tally.by_status[i] == 0 && i != 2) continue;
      page.sample({{"endpoint", endpoint.config().name}, {"class", kClasses.at(i)}},
                  endpoint.tally.by_status[i]);
    }
  }
}

void write_models(const Picture& picture, Exposition& page) {
  const std::map<std::string, Tally> models = picture.totals.by_model();
  Tally all;
  std::uint64_t active = 0;
  for (const auto& [name, tally] : models) {
    all.add(tally);
    if (tally.last_requested && picture.now.steady - *tally.last_requested < std::chrono::hours(1))
      ++active;
  }
  single(page, "olla_models_total", kGauge, "Total tracked models", std::uint64_t{models.size()});
  single(page, "olla_models_active", kGauge, "Models requested in the last hour", active);
  single(page, "olla_models_requests_total", kCounter, "Total requests across all models",
         all.requests);
  single(page, "olla_models_success_rate_percent", kGauge, "Overall model request success rate",
         all.success_percent());
  single(page, "olla_models_traffic_bytes", kCounter, "Total model traffic in bytes", all.bytes());
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help,
                        auto value_of) {
    page.family(name, type, help);
    for (const auto& [model, tally] : models)
      page.sample({{"model", model}}, value_of(tally));
  };
  each("olla_model_requests_total", kCounter, "Total requests for a model",
       [](const Tally& tally) { return tally.requests; });
  each("olla_model_successful_requests_total", kCounter, "Successful requests for a model",
       [](const Tally& tally) { return tally.successes(); });
  each("olla_model_failed_requests_total", kCounter, "Failed requests for a model",
       [](const Tally& tally) { return tally.failures; });
  each("olla_model_success_rate_percent", kGauge, "Model success rate percentage",
       [](const Tally& tally) { return tally.success_percent(); });
  each("olla_model_traffic_bytes", kCounter, "Total traffic for a model in bytes",
       [](const Tally& tally) { return tally.bytes(); });
  each("olla_model_avg_latency_ms", kGauge, "Model average latency in milliseconds",
       [](const Tally& tally) { return tally.latency_ms(); });
  each("olla_model_p95_latency_ms", kGauge, "Model P95 latency in milliseconds",
       [](const Tally& tally) { return tally.latency_ms_quantile(0.95); });
  each("olla_model_p99_latency_ms", kGauge, "Model P99 latency in milliseconds",
       [](const Tally& tally) { return tally.latency_ms_quantile(0.99); });
  each("olla_model_unique_clients", kGauge, "Unique clients per model",
       [](const Tally& tally) { return metrics::clients_in(tally.clients); });
  each("olla_model_routing_hits_total", kCounter, "Model routing hits (first endpoint)",
       [](const Tally& tally) { return tally.first_tries; });
  each("olla_model_routing_misses_total", kCounter, "Model routing misses (retry required)",
       [](const Tally& tally) { return tally.later_tries; });
  each("olla_model_routing_fallbacks_total", kCounter, "Model routing fallbacks",
       [](const Tally& tally) { return tally.fallbacks; });
}

/// Families with a sample for each model on each endpoint.
class PairFamilies {
 public:
  PairFamilies(const Picture& picture, Exposition& page) : picture_(picture), page_(page) {}

  template <class ValueOf>
  void each(std::string_view name, std::string_view type, std::string_view help, ValueOf value_of) {
    page_.family(name, type, help);
    for (const PairTally& pair : picture_.totals.pairs) {
      if (!pair.model.empty() && pair.tally.requests > 0)
        page_.sample({{"model", pair.model}, {"endpoint", name_of(pair)}}, value_of(pair.tally));
    }
  }

  /// Requests that name no model are here too, with an empty label.
  void histogram(std::string_view name, std::string_view help,
                 metrics::Distribution Tally::*distribution) {
    page_.family(name, "histogram", help);
    for (const PairTally& pair : picture_.totals.pairs) {
      if ((pair.tally.*distribution).count() > 0)
        page_.histogram({{"endpoint", name_of(pair)}, {"model", pair.model}},
                        pair.tally.*distribution);
    }
  }

 private:
  [[nodiscard]] std::string_view name_of(const PairTally& pair) const {
    return picture_.endpoints.at(pair.endpoint.value()).config().name;
  }

  const Picture& picture_;
  Exposition& page_;
};

void write_pairs(const Picture& picture, Exposition& page) {
  PairFamilies pairs(picture, page);
  pairs.each("olla_model_endpoint_requests_total", kCounter,
             "Requests for a model on a specific endpoint",
             [](const Tally& tally) { return tally.requests; });
  pairs.each("olla_model_endpoint_success_rate_percent", kGauge,
             "Model success rate on a specific endpoint",
             [](const Tally& tally) { return tally.success_percent(); });
  pairs.each("olla_model_endpoint_avg_latency_ms", kGauge,
             "Model average latency on a specific endpoint",
             [](const Tally& tally) { return tally.latency_ms(); });
  pairs.each("olla_model_endpoint_consecutive_errors", kGauge,
             "Consecutive errors for a model on an endpoint",
             [](const Tally& tally) { return tally.failures_in_a_row; });
  pairs.each("olla_prompt_tokens_total", kCounter, "Tokens of prompts, as endpoints tell them",
             [](const Tally& tally) { return tally.prompt_tokens; });
  pairs.each("olla_completion_tokens_total", kCounter, "Generated tokens, as endpoints tell them",
             [](const Tally& tally) { return tally.completion_tokens; });
  pairs.each("olla_cached_prompt_tokens_total", kCounter,
             "Tokens of prompts that endpoints had in their caches",
             [](const Tally& tally) { return tally.cached_tokens; });
  pairs.histogram("olla_request_duration_seconds",
                  "From a request's first byte to the end of its answer, of successes",
                  &Tally::duration);
  pairs.histogram("olla_time_to_first_token_seconds",
                  "From a request's first byte to the first bytes of its event stream",
                  &Tally::first_token);
  pairs.histogram("olla_inter_token_latency_seconds", "Between two pieces of an event stream",
                  &Tally::inter_token);
}

void by_word(Exposition& page, std::string_view label,
             const std::map<std::string, std::uint64_t, std::less<>>& counts) {
  for (const auto& [word, count] : counts)
    page.sample({{label, word}}, count);
}

void write_requests(const Picture& picture, Exposition& page) {
  const metrics::Totals& totals = picture.totals;
  page.family("olla_requests_rejected_total", kCounter,
              "Requests that the gateway refused without asking an endpoint");
  by_word(page, "reason", totals.rejected);
  page.family("olla_request_failures_total", kCounter, "Failed proxy requests by their cause");
  by_word(page, "reason", totals.failed);
  single(page, "olla_client_disconnects_total", kCounter,
         "Requests whose client left before it had the whole answer", totals.clients_left);
  single(page, "olla_request_bytes_total", kCounter, "Bytes of the bodies of requests",
         totals.bytes_in);
  single(page, "olla_response_bytes_total", kCounter, "Bytes sent to clients, heads included",
         totals.bytes_out);
  single(page, "olla_retries_total", kCounter, "Tries behind the first of a request",
         totals.retries);
  page.family("olla_picks_total", kCounter, "Tries on endpoints by the policy that chose them");
  page.sample({{"policy", to_string(picture.config->proxy.load_balancer)}},
              totals.tries - totals.sticky_tries);
  if (picture.config->proxy.sticky_sessions.enabled)
    page.sample({{"policy", "sticky"}}, totals.sticky_tries);
  single(page, "olla_retries_refused_total", kCounter,
         "Tries elsewhere that the retry budget did not allow", picture.waiting.retries_refused);
  single(page, "olla_queue_waiting", kGauge, "Requests that wait for an endpoint now",
         picture.waiting.now);
  single(page, "olla_queue_requests_total", kCounter, "Requests that had to wait for an endpoint",
         picture.waiting.queued);
  single(page, "olla_queue_timeouts_total", kCounter,
         "Requests whose wait was over before an endpoint was found", picture.waiting.timed_out);
  single(page, "olla_queue_refused_total", kCounter, "Requests that found the queue full",
         picture.waiting.refused);
  single(page, "olla_queue_wait_seconds_total", kCounter, "Time that they waited, in all",
         totals.queued_seconds);
  single(page, "olla_sticky_sessions", kGauge, "Sessions that are pinned to an endpoint",
         picture.sticky.active);
  single(page, "olla_sticky_hits_total", kCounter, "Requests of a session that was pinned",
         picture.sticky.hits);
  single(page, "olla_sticky_misses_total", kCounter, "Requests of a session that was not",
         picture.sticky.misses);
  single(page, "olla_sticky_repins_total", kCounter, "Sessions that moved to another endpoint",
         picture.sticky.repins);
  single(page, "olla_sticky_evictions_total", kCounter,
         "Sessions that ended by time, or to make room", picture.sticky.evictions);
  single(page, "olla_internal_access_violations_total", kCounter,
         "Requests for the gateway's own documents from where they are not allowed",
         picture.refusals.access);
}

}  // namespace

std::string metrics_page(const Picture& picture) {
  Exposition page;
  write_system(picture, page);
  write_endpoints(picture, page);
  write_models(picture, page);
  write_pairs(picture, page);
  write_requests(picture, page);
  return page.take();
}

}  // namespace olla::admin
