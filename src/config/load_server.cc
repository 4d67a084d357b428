#include "config/load_server.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "config/access_policy.h"
#include "config/ascii.h"

namespace olla::config {
namespace {

/// Whether `host` could be a name or an address to listen on.
bool is_listen_host(std::string_view host) {
  static constexpr std::size_t kHostLengthMax = 253;
  return host.size() <= kHostLengthMax && std::all_of(host.begin(), host.end(), [](char c) {
           return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_' || c == ':';
         });
}

void read_request_limits(const Section& section, RequestLimits& limits) {
  limits.max_body_size = section.size("max_body_size").value_or(limits.max_body_size);
  limits.max_header_size = section.size("max_header_size").value_or(limits.max_header_size);
}

void read_rate_limits(const Section& section, RateLimits& limits) {
  section.read("global_requests_per_minute", limits.global_requests_per_minute);
  section.read("per_ip_requests_per_minute", limits.per_ip_requests_per_minute);
  section.read("burst_size", limits.burst_size);
  section.read("cleanup_interval", limits.cleanup_interval);
  section.read("trust_proxy_headers", limits.trust_proxy_headers);
  read_cidrs(section, "trusted_proxy_cidrs", limits.trusted_proxy_cidrs);
}

/// Whether `origin` is "scheme://host[:port]", as browsers send it, with one '*' at most.
bool is_origin(std::string_view origin) {
  const auto separator = origin.find("://");
  if (origin == "*") return true;
  if (separator == std::string_view::npos || separator == 0) return false;
  const std::string_view host = origin.substr(separator + 3);
  return !host.empty() && host.find_first_of("/?#@") == std::string_view::npos &&
         std::all_of(origin.begin(), origin.end(), [](char c) { return is_visible(c); }) &&
         std::count(origin.begin(), origin.end(), '*') <= 1;
}

/// A list of tokens, such as names of headers.
void read_tokens(const Section& section, std::string_view key, std::vector<std::string>& out) {
  const auto items = section.texts(key);
  if (!items) return;
  out.clear();
  for (const Section::Item& item : *items) {
    if (!is_token(item.text)) {
      section.error(key, item, "must hold names alone; got " + in_quotes(item.text));
    }
    out.push_back(item.text);
  }
}

void read_origins(const Section& section, Cors& cors) {
  const auto items = section.texts("allowed_origins");
  if (items) cors.allowed_origins.clear();
  bool is_any = !items;
  for (const Section::Item& item : items.value_or(std::vector<Section::Item>())) {
    if (!is_origin(item.text)) {
      section.error("allowed_origins", item,
                    "must hold origins such as https://example.com, without a path and with one * "
                    "at most; got " +
                        in_quotes(item.text));
    }
    is_any = is_any || item.text == "*";
    cors.allowed_origins.push_back(item.text);
  }
  if (cors.enabled && cors.allowed_origins.empty()) {
    section.error("allowed_origins", "must not be empty when cors is enabled");
  }
  if (cors.allow_credentials && is_any) {
    section.error("allow_credentials",
                  "cannot be true while allowed_origins has *: every site could act as its "
                  "visitors; list the origins instead");
  }
}

void read_cors(const Section& section, Cors& cors) {
  section.read("enabled", cors.enabled);
  section.read("allow_credentials", cors.allow_credentials);
  read_origins(section, cors);
  read_tokens(section, "allowed_methods", cors.allowed_methods);
  read_tokens(section, "allowed_headers", cors.allowed_headers);
  read_tokens(section, "exposed_headers", cors.exposed_headers);
  if (const auto seconds = section.integer("max_age")) {
    cors.max_age = std::chrono::seconds(*seconds);
  }
}

}  // namespace

void read_server(const Section& section, Server& server) {
  if (const auto host = section.text("host")) {
    server.host = *host;
    if (!is_listen_host(*host)) {
      section.error("host", "must be a name or an address such as localhost, 0.0.0.0 or ::1; got " +
                                in_quotes(*host));
    }
  }
  if (const auto port = section.integer("port")) {
    server.port = static_cast<std::uint16_t>(*port);
  }
  section.read("threads", server.threads);
  section.read_unless_zero("read_header_timeout", server.read_header_timeout);
  section.read("read_timeout", server.read_timeout);
  server.idle_timeout = server.read_timeout;
  section.read_unless_zero("idle_timeout", server.idle_timeout);
  section.read("shutdown_timeout", server.shutdown_timeout);
  section.read("request_logging", server.request_logging);
  read_request_limits(section.section("request_limits"), server.request_limits);
  read_rate_limits(section.section("rate_limits"), server.rate_limits);
  read_cors(section.section("cors"), server.cors);
}

}  // namespace olla::config
