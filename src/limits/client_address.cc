#include "limits/client_address.h"

#include <algorithm>
#include <optional>

namespace olla::limits {
namespace {

/// An address with or without a port: "192.0.2.1:80", "[2001:db8::1]:80", "[2001:db8::1]".
std::optional<IpBits> parse_hop(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    if (end + 1 < text.size() && text[end + 1] != ':') return std::nullopt;
    return parse_ip(text.substr(1, end - 1));
  }
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
    text = text.substr(0, colon);
  }
  return parse_ip(text);
}

/// Walks the elements of all fields of a name from the last to the first.
class BackwardList {
 public:
  BackwardList(std::span<const http::Field> fields, std::string_view name)
      : fields_(fields), name_(name) {}

  std::optional<std::string_view> next() {
    for (;;) {
      while (!open_) {
        if (fields_.empty()) return std::nullopt;
        open_ = http::iequals(fields_.back().name, name_);
        rest_ = fields_.back().value;
        fields_ = fields_.first(fields_.size() - 1);
      }
      const std::size_t comma = rest_.rfind(',');
      open_ = comma != std::string_view::npos;
      const std::string_view element = open_ ? rest_.substr(comma + 1) : rest_;
      if (open_) rest_ = rest_.substr(0, comma);
      const std::string_view trimmed = http::trim(element);
      if (!trimmed.empty()) return trimmed;
    }
  }

 private:
  std::span<const http::Field> fields_;
  std::string_view name_;
  std::string_view rest_;
  bool open_ = false;  // Whether rest_ has elements that were not told yet.
};

std::optional<IpBits> single_real_ip(std::span<const http::Field> fields) {
  std::optional<IpBits> address;
  for (const http::Field& field : fields) {
    if (!http::iequals(field.name, "x-real-ip")) continue;
    if (address) return std::nullopt;
    address = parse_hop(field.value);
    if (!address) return std::nullopt;
  }
  return address;
}

}  // namespace

ClientAddress peer_address(std::string_view text) {
  const auto bits = parse_ip(text.substr(0, text.find('%')));
  if (!bits) return {std::string(text), {}};
  return {is_v4(*bits) ? ip_text(*bits) : std::string(text), *bits};
}

TrustedProxies::TrustedProxies(const config::RateLimits& limits) {
  if (!limits.trust_proxy_headers) return;
  for (const std::string& text : limits.trusted_proxy_cidrs) {
    if (const auto network = Cidr::parse(text)) networks_.push_back(*network);
  }
}

bool TrustedProxies::trusts(const IpBits& address) const {
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const Cidr& network) { return network.contains(address); });
}

ClientAddress TrustedProxies::client_of(const ClientAddress& peer,
                                        std::span<const http::Field> fields) const {
  if (!trusts(peer.bits)) return peer;
  std::optional<IpBits> client;
  BackwardList hops(fields, "x-forwarded-for");
  for (std::size_t walked = 0;; ++walked) {
    const auto hop = hops.next();
    if (!hop) {
      if (walked == 0) client = single_real_ip(fields);
      break;
    }
    const auto address = walked < kHopsMax ? parse_hop(*hop) : std::nullopt;
    if (!address) break;
    client = address;
    if (!trusts(*address)) break;
  }
  return client ? ClientAddress{ip_text(*client), *client} : peer;
}

}  // namespace olla::limits
