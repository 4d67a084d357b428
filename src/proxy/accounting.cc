#include "proxy/accounting.h"

#include <algorithm>

#include "http/field.h"

namespace olla::proxy {
namespace {

constexpr std::string_view kMessagesPrefix = "/olla/anthropic/";

Duration duration_of(double milliseconds) {
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double, std::milli>(milliseconds));
}

metrics::Outcome outcome_of(const log::AccessEntry& entry) {
  if (entry.ending == log::Ending::kLeft) return metrics::Outcome::kClientLeft;
  if (entry.ending == log::Ending::kBroken || entry.status >= 500)
    return metrics::Outcome::kFailure;
  // An answer that carries no endpoint's name is the gateway's own.
  const bool own = !entry.refusal.empty() || !entry.endpoint_id;
  return own ? metrics::Outcome::kRejected : metrics::Outcome::kSuccess;
}

std::string_view reason_of(const log::AccessEntry& entry) {
  if (!entry.refusal.empty()) return entry.refusal;
  if (entry.ending == log::Ending::kBroken) return "answer_broken";
  return entry.endpoint_id ? "endpoint_error" : "other";
}

}  // namespace

std::string_view counted_model(const log::AccessEntry& entry, const fleet::EndpointView& view) {
  std::string_view model = entry.served_model;
  if (model.empty() && entry.model) model = *entry.model;
  if (model.empty()) return {};
  if (!view.models) return metrics::kUnknownModel;
  const auto& ids = view.models->ids;
  const auto exact = std::lower_bound(ids.begin(), ids.end(), model);
  if (exact != ids.end() && *exact == model) return *exact;
  const auto alike = std::find_if(
      ids.begin(), ids.end(), [model](const std::string& id) { return http::iequals(id, model); });
  return alike == ids.end() ? metrics::kUnknownModel : std::string_view(*alike);
}

metrics::RequestRecord record_of(const log::AccessEntry& entry, const fleet::Snapshot& snapshot) {
  metrics::RequestRecord record;
  record.outcome = outcome_of(entry);
  record.status = entry.status;
  record.reason = reason_of(entry);
  record.endpoint = entry.endpoint_id;
  if (entry.endpoint_id)
    record.model = counted_model(entry, snapshot.endpoints[entry.endpoint_id->value()]);
  record.client = entry.client;
  record.tries = entry.tries;
  record.sticky_tries = entry.sticky_tries;
  record.fallback = entry.fallback;
  record.event_stream = entry.event_stream;
  record.messages_route = entry.path.starts_with(kMessagesPrefix);
  record.bytes_in = entry.bytes_in;
  record.bytes_out = entry.bytes;
  record.duration = duration_of(entry.duration_ms);
  if (entry.queued_ms) record.queued = duration_of(*entry.queued_ms);
  if (entry.first_token_ms) record.first_token = duration_of(*entry.first_token_ms);
  if (entry.usage) {
    record.tokens = metrics::Tokens{entry.usage->prompt_tokens, entry.usage->completion_tokens,
                                    entry.usage->cached_tokens};
  }
  return record;
}

}  // namespace olla::proxy
