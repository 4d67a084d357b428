#include "admin/stats_documents.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace olla::admin {
namespace {

using metrics::Tally;

std::string share_text(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "0%";
  return percent_text(100 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string last_requested_text(const Tally& tally, const Moment& now) {
  if (!tally.last_requested) return "never";
  return ago_text(now.wall_at(*tally.last_requested), now.wall);
}

Json counts_of(const Tally& tally) {
  return {
      {"total_requests", tally.requests},
      {"successful_requests", tally.successes()},
      {"failed_requests", tally.failures},
      {"success_rate", percent_text(tally.success_percent())},
      {"total_traffic", bytes_text(tally.bytes())},
      {"average_latency", latency_text(tally.latency_ms())},
  };
}

/// A model on one endpoint, or an endpoint with one model.
Json breakdown_of(const Tally& tally, const Moment& now) {
  Json out = counts_of(tally);
  out["consecutive_errors"] = tally.failures_in_a_row;
  out["last_requested"] = last_requested_text(tally, now);
  out["prompt_tokens"] = tally.prompt_tokens;
  out["completion_tokens"] = tally.completion_tokens;
  return out;
}

Json model_entry(const std::string& name, const Tally& tally, Json breakdown, const Moment& now) {
  Json out = {{"name", name}};
  out.update(counts_of(tally));
  out["p95_latency"] = latency_text(tally.latency_ms_quantile(0.95));
  out["p99_latency"] = latency_text(tally.latency_ms_quantile(0.99));
  out["last_requested"] = last_requested_text(tally, now);
  out["unique_clients"] = metrics::clients_in(tally.clients);
  out["routing_hits"] = tally.first_tries;
  out["routing_misses"] = tally.later_tries;
  out["routing_fallbacks"] = tally.fallbacks;
  out["client_disconnects"] = tally.clients_left;
  out["prompt_tokens"] = tally.prompt_tokens;
  out["completion_tokens"] = tally.completion_tokens;
  out["cached_prompt_tokens"] = tally.cached_tokens;
  out["endpoint_breakdown"] = std::move(breakdown);
  return out;
}

using Models = std::vector<std::pair<std::string, Tally>>;

Json summary_of(const Models& models, const Moment& now) {
  Tally all;
  std::size_t active = 0;
  for (const auto& [name, tally] : models) {
    all.add(tally);
    if (tally.last_requested && now.steady - *tally.last_requested < std::chrono::hours(1))
      ++active;
  }
  return {
      {"overall_success_rate", percent_text(all.success_percent())},
      {"total_traffic", bytes_text(all.bytes())},
      {"most_popular_model", models.empty() ? "" : models.front().first},
      {"least_popular_model", models.empty() ? "" : models.back().first},
      {"total_models", models.size()},
      {"active_models", active},
      {"total_requests", all.requests},
  };
}

}  // namespace

Json model_stats_document(const Picture& picture) {
  const std::map<std::string, Tally> by_name = picture.totals.by_model();
  Models models(by_name.begin(), by_name.end());
  std::stable_sort(models.begin(), models.end(), [](const auto& one, const auto& other) {
    return one.second.requests > other.second.requests;
  });
  std::map<std::string, Json> breakdowns;
  Json endpoints = Json::object();
  for (const auto& [name, pairs] : picture.totals.pairs_by_model()) {
    for (const metrics::PairTally* pair : pairs) {
      const std::string& endpoint = picture.endpoints.at(pair->endpoint.value()).config().name;
      Json entry = breakdown_of(pair->tally, picture.now);
      endpoints[endpoint][name] = entry;
      breakdowns[name][endpoint] = std::move(entry);
    }
  }
  Json list = Json::array();
  for (const auto& [name, tally] : models)
    list.push_back(model_entry(name, tally, std::move(breakdowns[name]), picture.now));
  return {
      {"timestamp", time_text(picture.now.wall)},
      {"models", std::move(list)},
      {"endpoints", std::move(endpoints)},
      {"summary", summary_of(models, picture.now)},
  };
}

Json translator_stats_document(const Picture& picture) {
  const metrics::MessagesTally& messages = picture.totals.messages;
  const std::uint64_t plain = messages.requests - messages.streams;
  const std::string success = share_text(messages.successes, messages.requests);
  const std::string passed = share_text(messages.passed_through, messages.requests);
  Json translators = Json::array();
  if (messages.requests > 0) {
    const auto latency =
        static_cast<std::int64_t>(messages.latency_microseconds / messages.requests / 1000);
    translators.push_back({
        {"translator_name", "anthropic"},
        {"success_rate", success},
        {"passthrough_rate", passed},
        {"average_latency", latency_text(latency)},
        {"total_requests", messages.requests},
        {"successful_requests", messages.successes},
        {"failed_requests", messages.requests - messages.successes},
        {"passthrough_requests", messages.passed_through},
        {"translation_requests", 0},
        {"streaming_requests", messages.streams},
        {"non_streaming_requests", plain},
        {"fallback_no_compatible_endpoints", messages.without_endpoint},
        {"fallback_translator_does_not_support_passthrough", 0},
        {"fallback_cannot_passthrough", 0},
    });
  }
  const std::size_t count = translators.size();
  return {
      {"timestamp", time_text(picture.now.wall)},
      {"translators", std::move(translators)},
      {"summary",
       {{"overall_success_rate", success},
        {"overall_passthrough_rate", passed},
        {"total_translators", count},
        {"active_translators", count},
        {"total_requests", messages.requests},
        {"total_passthrough", messages.passed_through},
        {"total_translations", 0},
        {"total_streaming", messages.streams},
        {"total_non_streaming", plain}}},
  };
}

}  // namespace olla::admin
