#include "limits/cors.h"

#include <algorithm>

namespace olla::limits {
namespace {

// What a page has no other way to learn: a browser shows it six common fields and those named here.
constexpr std::string_view kExposed =
    "X-Olla-Request-ID, X-Olla-Endpoint, X-Olla-Backend-Type, X-Olla-Model, X-Olla-Response-Time, "
    "X-Olla-Routing-Strategy, X-Olla-Routing-Decision, X-Olla-Routing-Reason, X-Olla-Mode, "
    "X-Olla-Sticky-Session, X-Olla-Sticky-Key-Source, X-Olla-Session-ID, X-Olla-Translated, "
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After";

void append(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

/// Whether `text` is like `pattern`, in which one '*' stands for anything.
bool matches(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return http::iequals(pattern, text);
  const std::string_view before = pattern.substr(0, star);
  const std::string_view after = pattern.substr(star + 1);
  return text.size() >= before.size() + after.size() && http::istarts_with(text, before) &&
         http::iequals(text.substr(text.size() - after.size()), after);
}

}  // namespace

CorsPolicy::CorsPolicy(const config::Cors& cors)
    : cors_(cors),
      any_origin_(contains(cors.allowed_origins, "*")),
      any_header_(contains(cors.allowed_headers, "*")) {
  for (const std::string& name : cors.exposed_headers)
    exposed_.append(exposed_.empty() ? "" : ", ").append(name);
  if (exposed_.empty()) exposed_ = kExposed;
}

bool CorsPolicy::allows_origin(std::string_view origin) const {
  return any_origin_ ||
         std::any_of(cors_.allowed_origins.begin(), cors_.allowed_origins.end(),
                     [origin](const std::string& one) { return matches(one, origin); });
}

bool CorsPolicy::allows_method(std::string_view method) const {
  return method == "OPTIONS" || contains(cors_.allowed_methods, method);
}

bool CorsPolicy::allows_headers(std::string_view list) const {
  if (any_header_) return true;
  http::ListWalker names(list);
  while (const auto name = names.next()) {
    const auto is_it = [&](const std::string& one) { return http::iequals(one, *name); };
    if (std::none_of(cors_.allowed_headers.begin(), cors_.allowed_headers.end(), is_it))
      return false;
  }
  return true;
}

void CorsPolicy::append_origin(std::string_view origin, std::string& out) const {
  append("Access-Control-Allow-Origin", any_origin_ ? "*" : origin, out);
  if (cors_.allow_credentials) append("Access-Control-Allow-Credentials", "true", out);
}

std::optional<std::string> CorsPolicy::preflight(std::string_view method,
                                                 std::span<const http::Field> fields) const {
  if (!cors_.enabled || method != "OPTIONS") return std::nullopt;
  const auto asked_method = http::find_field(fields, "access-control-request-method");
  if (!asked_method || asked_method->empty()) return std::nullopt;
  std::string lines;
  append("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers", lines);
  const auto origin = http::find_field(fields, "origin");
  const auto asked_headers = http::find_field(fields, "access-control-request-headers");
  if (!origin || origin->empty() || !allows_origin(*origin) || !allows_method(*asked_method) ||
      (asked_headers && !allows_headers(*asked_headers))) {
    return lines;
  }
  append_origin(*origin, lines);
  append("Access-Control-Allow-Methods", *asked_method, lines);
  if (asked_headers && !asked_headers->empty())
    append("Access-Control-Allow-Headers", *asked_headers, lines);
  if (cors_.max_age.count() > 0)
    append("Access-Control-Max-Age", std::to_string(cors_.max_age.count()), lines);
  return lines;
}

std::string CorsPolicy::answer_fields(std::string_view method,
                                      std::span<const http::Field> fields) const {
  std::string lines;
  if (!cors_.enabled) return lines;
  append("Vary", "Origin", lines);
  const auto origin = http::find_field(fields, "origin");
  if (!origin || origin->empty() || !allows_origin(*origin) || !allows_method(method)) return lines;
  append_origin(*origin, lines);
  append("Access-Control-Expose-Headers", exposed_, lines);
  return lines;
}

}  // namespace olla::limits
