#include "fleet/address.h"

#include <arpa/inet.h>

namespace olla::fleet {

std::string Address::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  // Cannot fail: the family is known and the longest text fits.
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size());
  const std::string host = v6 ? "[" + std::string(text.data()) + "]" : std::string(text.data());
  return host + ":" + std::to_string(port);
}

}  // namespace olla::fleet
