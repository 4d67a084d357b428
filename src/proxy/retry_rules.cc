#include "proxy/retry_rules.h"

#include "proxy/inference_routes.h"

namespace olla::proxy {
namespace {

bool status_is_a_failure(const TryFacts& facts) {
  switch (facts.status) {
    case 502:
    case 503:
    case 504:
      return true;
    case 429:
      // Without the field it may be the client's own quota, which is as spent elsewhere.
      return facts.has_retry_after;
    default:
      return facts.not_taken;
  }
}

/// Whether the endpoint may have worked on the request.
bool may_have_run(const TryFacts& facts) {
  switch (facts.end) {
    case TryEnd::kUnreached:
      return false;
    case TryEnd::kAnswered:
      // A gateway in front of the server passed the request on, and lost it there.
      return facts.status == 502 || facts.status == 504;
    default:
      return facts.all_sent;
  }
}

}  // namespace

bool is_repeatable(const config::Retry& rules, std::string_view method, std::string_view path) {
  if (method == "GET" || method == "HEAD" || method == "OPTIONS") return true;
  return rules.non_idempotent && method == "POST" && is_inference(path);
}

bool failed(const TryFacts& facts) {
  switch (facts.end) {
    case TryEnd::kAnswered:
      return status_is_a_failure(facts);
    case TryEnd::kUnreached:
    case TryEnd::kClosed:
    case TryEnd::kOut:
      return true;
    case TryEnd::kSilent:   // It has taken its whole time: the client's is over, too.
    case TryEnd::kGarbled:  // Not the words of a server that is going down.
    case TryEnd::kCancelled:
      return false;
  }
  return false;
}

Verdict after_try(const config::Retry& rules, const RetryState& state, const TryFacts& facts) {
  if (state.deaths >= kDeathsMax) return Verdict::kKillsEndpoint;
  if (!failed(facts) || state.client_saw_something || !rules.enabled) return Verdict::kFinal;
  if (rules.max_attempts != 0 && state.tries >= rules.max_attempts) return Verdict::kFinal;
  if (may_have_run(facts) && !state.repeatable) return Verdict::kFinal;
  return Verdict::kElsewhere;
}

}  // namespace olla::proxy
