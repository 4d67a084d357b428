#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace olla::fleet {

/// Where a connection goes: an IP address and a port.
struct Address {
  /// Network byte order. IPv4 uses the first four; the others are then 0.
  std::array<std::uint8_t, 16> bytes{};
  bool v6 = false;
  std::uint16_t port = 0;

  friend bool operator==(const Address&, const Address&) = default;

  /// "127.0.0.1:8000" or "[::1]:8000", as in a URL.
  [[nodiscard]] std::string to_string() const;
};

}  // namespace olla::fleet
