#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.h"
#include "config/config.h"
#include "http/field.h"

namespace olla::limits {

/// Hops in X-Forwarded-For that are looked at; real chains have under five.
inline constexpr std::size_t kHopsMax = 32;

/// Who sent a request, as far as the gateway may believe it.
struct ClientAddress {
  std::string text;  ///< Without port, brackets and, for IPv4 mapped into IPv6, the mapping.
  IpBits bits{};     ///< All zero when the system did not tell the peer's address.
};

/// The other end of a connection; `text` may have a zone ("fe80::1%eth0").
[[nodiscard]] ClientAddress peer_address(std::string_view text);

/// The proxies whose word about their clients is taken.
class TrustedProxies {
 public:
  explicit TrustedProxies(const config::RateLimits& limits);

  /// The client behind `peer`. When the peer is a trusted proxy that is the last address in
  /// X-Forwarded-For that is none, since each proxy adds the address of its own peer at the end and
  /// what stands further left anybody may have written; when all are trusted, the first. What is no
  /// address ends the walk at the proxy that reported it. Without the field a single X-Real-IP says
  /// it.
  [[nodiscard]] ClientAddress client_of(const ClientAddress& peer,
                                        std::span<const http::Field> fields) const;

 private:
  [[nodiscard]] bool trusts(const IpBits& address) const;

  std::vector<Cidr> networks_;  // Empty: nobody is trusted.
};

}  // namespace olla::limits
