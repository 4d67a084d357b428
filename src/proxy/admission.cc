#include "proxy/admission.h"

#include <algorithm>
#include <ctime>

#include "http/forward.h"
#include "http/path.h"
#include "proxy/answer.h"

namespace olla::proxy {
namespace {

// What a client sends in one go, and the kernel has already taken.
constexpr std::uint64_t kBodyReadMax = 64 * 1024;

std::int64_t whole_seconds(Duration duration) {
  return std::chrono::ceil<std::chrono::seconds>(duration).count();
}

/// The documents of the gateway itself are not what limits are for: a monitor must see through
/// them.
bool is_own_document(std::string_view path) {
  return path == "/version" || path.starts_with("/internal/");
}

/// As Olla cleans a path before it looks for the route: a client whose base URL ends with a slash
/// asks for "/olla/vllm//v1/models". Only to our own paths: "//host" would lead elsewhere.
std::optional<OwnAnswer> redirect_to_clean(std::string_view target) {
  const auto clean = http::cleaned_target(target);
  if (!clean) return std::nullopt;
  const std::string_view path = std::string_view(*clean).substr(0, clean->find('?'));
  if (!is_own_document(path) && !path.starts_with("/olla/") && !path.starts_with("/v1/"))
    return std::nullopt;
  OwnAnswer own{307, {}};
  own.content_type = {};
  own.extra_fields = "Location: " + *clean + "\r\n";
  return own;
}

std::string rate_fields(const limits::RateVerdict& verdict) {
  const std::int64_t full_at = std::time(nullptr) + whole_seconds(verdict.full_in);
  return "X-RateLimit-Limit: " + std::to_string(verdict.per_minute) +
         "\r\nX-RateLimit-Remaining: " + std::to_string(verdict.remaining) +
         "\r\nX-RateLimit-Reset: " + std::to_string(full_at) + "\r\n";
}

}  // namespace

vllm::ErrorShape error_shape_of_target(std::string_view target) {
  constexpr std::string_view kPrefix = "/olla/";
  std::string_view path = http::origin_form(target).value_or("");
  if (path.starts_with("/olla/anthropic/")) return vllm::ErrorShape::kAnthropic;
  // Also behind a provider that there is not: it need not be known here.
  if (path.starts_with(kPrefix))
    path.remove_prefix(std::min(path.size(), path.find('/', kPrefix.size())));
  return vllm::error_shape_of(http::plain_path(path));
}

Caller identify(const limits::Gate& gate, const limits::ClientAddress& peer,
                const http::RequestHead& head) {
  return {gate.proxies.client_of(peer, head.fields),
          gate.cors.answer_fields(head.method, head.fields)};
}

std::optional<OwnAnswer> admit(limits::Gate& gate, const limits::ClientAddress& peer,
                               const http::RequestHead& head, Caller& caller) {
  if (auto preflight = gate.cors.preflight(head.method, head.fields)) {
    caller.answer_fields.clear();
    OwnAnswer own{204, {}, std::move(*preflight)};
    own.content_type = {};
    return own;
  }
  const std::string_view target = http::origin_form(head.target).value_or("*");
  // Before the limits, which count the request that follows: one request is one token.
  if (auto redirect = redirect_to_clean(target)) return redirect;
  const std::string_view path = target.substr(0, target.find('?'));
  if (limits::is_guarded_internal_path(path)) {
    const auto refusal = gate.access.refusal(peer, head);
    if (!refusal) return std::nullopt;
    gate.violations.count_access();
    return make_error(403, "access_denied", *refusal);
  }
  if (!gate.rates.enabled() || is_own_document(path)) return std::nullopt;
  const TimePoint now = Clock::now();
  const limits::RateVerdict verdict = gate.rates.admit(caller.address.bits, now);
  caller.answer_fields += rate_fields(verdict);
  if (verdict.admitted) return std::nullopt;
  gate.violations.count_rate(caller.address.bits, now);
  OwnAnswer own = make_error(429, "rate_limit_exceeded", "Too many requests. Try again later.",
                             error_shape_of_target(head.target));
  const std::int64_t wait = std::max<std::int64_t>(1, whole_seconds(verdict.retry_in));
  own.extra_fields = "Retry-After: " + std::to_string(wait) + "\r\n";
  return own;
}

bool is_worth_reading(const http::RequestHead& head) {
  if (head.framing == http::Framing::kNone) return true;
  return head.framing == http::Framing::kLength && head.content_length <= kBodyReadMax &&
         !head.expects_continue;
}

}  // namespace olla::proxy
