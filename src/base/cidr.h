#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace olla {

/// An IP address as 128 bits. IPv4 is mapped into IPv6 (RFC 4291, section 2.5.5.2), so that
/// "::ffff:10.0.0.1" and "10.0.0.1" are the same.
using IpBits = std::array<std::uint8_t, 16>;

/// The bits of an address in text, without port, brackets or zone; nullopt when it is none.
[[nodiscard]] std::optional<IpBits> parse_ip(std::string_view text);

/// Whether the address is an IPv4 one.
[[nodiscard]] bool is_v4(const IpBits& address);

/// The one usual spelling of an address: dotted for IPv4, RFC 5952 otherwise.
[[nodiscard]] std::string ip_text(const IpBits& address);

/// A network such as 10.0.0.0/8 or ::1/128.
class Cidr {
 public:
  /// An address alone is a network of one. nullopt when `text` is neither. Bits behind the prefix
  /// are ignored.
  [[nodiscard]] static std::optional<Cidr> parse(std::string_view text);

  [[nodiscard]] bool contains(const IpBits& address) const;
  /// False for what is no address.
  [[nodiscard]] bool contains(std::string_view address) const;

 private:
  Cidr(const IpBits& bits, std::size_t prefix) : bits_(bits), prefix_(prefix) {}

  IpBits bits_;
  std::size_t prefix_;  // Of the 128 bits.
};

}  // namespace olla
