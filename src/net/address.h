#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "fleet/address.h"
#include "net/types.h"

namespace olla::net {

Tcp::endpoint to_asio(const fleet::Address& address);
fleet::Address from_asio(const Tcp::endpoint& endpoint);

/// `host` as an address when it is one, without looking anything up.
std::optional<fleet::Address> literal_address(const std::string& host, std::uint16_t port);

/// The addresses of `host` (a literal or a name), in the resolver's order. A literal costs no
/// look-up; a name is looked up on the resolver's own thread.
/// Errors: kRefused, side kUpstream, when there is none.
Awaitable<Result<std::vector<fleet::Address>>> resolve(std::string host, std::uint16_t port);

}  // namespace olla::net
