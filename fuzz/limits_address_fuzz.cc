#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "limits/client_address.h"

// A client is an address, and what it writes in front of what the proxies added does not change who
// it is. Each line of the input is one field.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<olla::http::Field> fields;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    fields.push_back({"X-Forwarded-For", rest.substr(0, end)});
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  olla::config::RateLimits limits;
  limits.trust_proxy_headers = true;
  const olla::limits::TrustedProxies proxies(limits);
  const auto peer = olla::limits::peer_address("10.0.0.1");
  const auto client = proxies.client_of(peer, fields);
  OLLA_CHECK(olla::parse_ip(client.text) == client.bits);

  bool is_proxy = false;
  for (const std::string& network : limits.trusted_proxy_cidrs)
    is_proxy = is_proxy || olla::Cidr::parse(network)->contains(client.bits);
  if (is_proxy) return 0;  // All of the list was believed, or it ended at nonsense.
  fields.insert(fields.begin(), {"X-Forwarded-For", "203.0.113.1, 10.0.0.9"});
  OLLA_CHECK(proxies.client_of(peer, fields).bits == client.bits);
  return 0;
}
