#include "config/access_policy.h"

#include <algorithm>

#include "base/cidr.h"
#include "config/ascii.h"

namespace olla::config {
namespace {

/// A host as in a Host header, without its port. An IP literal needs no permission.
bool is_host(std::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_';
  });
}

AccessPolicy read_access_policy(const Section& section) {
  AccessPolicy policy;
  read_cidrs(section, "allowed_cidrs", policy.allowed_cidrs);
  if (policy.allowed_cidrs.empty()) {
    section.error("allowed_cidrs", "must not be empty: nobody could ask");
  }
  const auto hosts = section.texts("allowed_hosts");
  if (!hosts) return policy;
  policy.allowed_hosts.clear();
  for (const Section::Item& host : *hosts) {
    if (!is_host(host.text)) {
      section.error("allowed_hosts", host,
                    "must hold names of hosts, without a port; got " + in_quotes(host.text));
    }
    policy.allowed_hosts.push_back(lower_ascii(host.text));
  }
  return policy;
}

}  // namespace

void read_cidrs(const Section& section, std::string_view key, std::vector<std::string>& out) {
  const auto items = section.texts(key);
  if (!items) return;
  out.clear();
  for (const Section::Item& item : *items) {
    if (!Cidr::parse(item.text)) {
      section.error(
          key, item,
          "must hold networks such as 10.0.0.0/8 or ::1/128; got " + in_quotes(item.text));
    }
    out.push_back(item.text);
  }
}

std::optional<AccessPolicy> read_internal_access(const Section& internal,
                                                 const Section& dashboard) {
  // Both are read whatever counts, for their errors.
  const AccessPolicy own = read_access_policy(internal.section("access_policy"));
  const AccessPolicy of_dashboard = read_access_policy(dashboard.section("access_policy"));
  const bool gates = dashboard.boolean("gate_internal_api").value_or(false);
  if (internal.has("access_policy")) return own;
  if (gates) return of_dashboard;
  return std::nullopt;
}

}  // namespace olla::config
