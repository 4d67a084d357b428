#pragma once

#include <optional>
#include <string>

#include "fleet/address.h"
#include "net/types.h"

namespace olla::net {

Tcp::endpoint to_asio(const fleet::Address& address);
fleet::Address from_asio(const Tcp::endpoint& endpoint);

/// `host` as an address when it is one, without looking anything up.
std::optional<fleet::Address> literal_address(const std::string& host, std::uint16_t port);

}  // namespace olla::net
