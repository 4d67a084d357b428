#include "limits/internal_access.h"

#include <algorithm>

namespace olla::limits {
namespace {

// As much of a Host field as an error repeats: longer ones are no names (RFC 1035, section 3.1).
constexpr std::size_t kHostShownMax = 255;

/// A Host field without its port and brackets.
std::string_view host_name(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    return end == std::string_view::npos ? authority : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.find(':'));
}

std::string denied(std::string_view what, const ClientAddress& peer, std::string_view host,
                   std::string_view advice) {
  std::string text = "403 forbidden: ";
  text.append(what).append(" (ip=").append(peer.text).append(", host=");
  text.append(host.substr(0, kHostShownMax)).append("). ").append(advice);
  return text;
}

}  // namespace

bool is_guarded_internal_path(std::string_view path) {
  return (path == "/internal" || path.starts_with("/internal/")) && path != "/internal/health";
}

InternalAccess::InternalAccess(const std::optional<config::AccessPolicy>& policy,
                               std::string_view listening_host) {
  const config::AccessPolicy local{{"127.0.0.0/8", "::1/128"},
                                   {"localhost", std::string(listening_host)}};
  const config::AccessPolicy& used = policy ? *policy : local;
  for (const std::string& text : used.allowed_cidrs) {
    if (const auto network = Cidr::parse(text)) networks_.push_back(*network);
  }
  hosts_ = used.allowed_hosts;
}

std::optional<std::string> InternalAccess::refusal(const ClientAddress& peer,
                                                   const http::RequestHead& head) const {
  const std::string_view host = host_name(head.host);
  if (std::none_of(networks_.begin(), networks_.end(),
                   [&](const Cidr& network) { return network.contains(peer.bits); })) {
    return denied("ip not in allowed range", peer, host,
                  "Adjust internal.access_policy.allowed_cidrs in the config.");
  }
  const auto is_host = [host](const std::string& one) { return http::iequals(one, host); };
  if (!parse_ip(host) && std::none_of(hosts_.begin(), hosts_.end(), is_host)) {
    return denied("host not accepted", peer, host,
                  "Adjust internal.access_policy.allowed_hosts in the config.");
  }
  if (head.method == "GET" || head.method == "HEAD") return std::nullopt;
  const auto origin = http::find_field(head.fields, "origin");
  if (!origin) return std::nullopt;
  const std::size_t scheme = origin->find("://");
  const bool same =
      scheme != std::string_view::npos && http::iequals(origin->substr(scheme + 3), head.host);
  if (same) return std::nullopt;
  return denied("a command from a page of another origin", peer, host,
                "Send it with a program that is no browser.");
}

}  // namespace olla::limits
