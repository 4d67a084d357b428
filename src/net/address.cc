#include "net/address.h"

#include <algorithm>

namespace olla::net {

Tcp::endpoint to_asio(const fleet::Address& address) {
  if (address.v6) return {asio::ip::address_v6(address.bytes), address.port};
  asio::ip::address_v4::bytes_type bytes;
  std::copy_n(address.bytes.begin(), bytes.size(), bytes.begin());
  return {asio::ip::address_v4(bytes), address.port};
}

fleet::Address from_asio(const Tcp::endpoint& endpoint) {
  fleet::Address address;
  address.port = endpoint.port();
  address.v6 = endpoint.address().is_v6();
  if (address.v6) {
    address.bytes = endpoint.address().to_v6().to_bytes();
  } else {
    const auto bytes = endpoint.address().to_v4().to_bytes();
    std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  }
  return address;
}

std::optional<fleet::Address> literal_address(const std::string& host, std::uint16_t port) {
  error_code not_literal;
  const auto address = asio::ip::make_address(host, not_literal);
  if (not_literal) return std::nullopt;
  return from_asio(Tcp::endpoint(address, port));
}

}  // namespace olla::net
