#include "base/cidr.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace olla {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t kTextMax = 64;

}  // namespace

std::optional<IpBits> parse_ip(std::string_view text) {
  if (text.size() > kTextMax) return std::nullopt;
  const std::string address(text);
  IpBits bits{};
  if (inet_pton(AF_INET6, address.c_str(), bits.data()) == 1) return bits;
  std::copy(kMapped.begin(), kMapped.end(), bits.begin());
  if (inet_pton(AF_INET, address.c_str(), bits.data() + kMapped.size()) == 1) return bits;
  return std::nullopt;
}

bool is_v4(const IpBits& address) {
  return std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

std::string ip_text(const IpBits& address) {
  std::array<char, kTextMax> text{};
  if (is_v4(address)) {
    inet_ntop(AF_INET, address.data() + kMapped.size(), text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, address.data(), text.data(), text.size());
  }
  return text.data();
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  const auto bits = parse_ip(address);
  if (!bits) return std::nullopt;
  const bool v4 = address.find(':') == std::string_view::npos;
  const std::size_t width = v4 ? 32 : 128;
  std::size_t prefix = width;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const char* const end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, prefix);
    if (error != std::errc() || stopped != end || prefix > width) return std::nullopt;
  }
  return Cidr(*bits, prefix + (128 - width));
}

bool Cidr::contains(const IpBits& address) const {
  const std::size_t whole = prefix_ / 8;
  if (!std::equal(bits_.begin(), bits_.begin() + static_cast<std::ptrdiff_t>(whole),
                  address.begin())) {
    return false;
  }
  const std::size_t rest = prefix_ % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return (bits_[whole] & mask) == (address[whole] & mask);
}

bool Cidr::contains(std::string_view address) const {
  const auto bits = parse_ip(address);
  return bits && contains(*bits);
}

}  // namespace olla
