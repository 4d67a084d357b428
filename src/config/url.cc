#include "config/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "config/ascii.h"
#include "config/units.h"

namespace olla::config {
namespace {

constexpr std::uint16_t kHttpPort = 80;
// A domain name has at most 253 characters (RFC 1035 section 2.3.4).
constexpr std::size_t kHostLengthMax = 253;

Error malformed(std::string detail) {
  return {Errc::kMalformed, Side::kGateway, std::move(detail)};
}

bool is_name_character(char c) {
  return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
}

bool is_address(int family, const std::string& text) {
  in6_addr address{};  // The larger of the two kinds.
  return inet_pton(family, text.c_str(), &address) == 1;
}

Result<std::string> parse_host(std::string_view text) {
  const std::string host = lower_ascii(text);
  if (host.empty()) return malformed("names no host");
  if (host.size() > kHostLengthMax || !std::all_of(host.begin(), host.end(), is_name_character)) {
    return malformed("has a host that is neither a name nor an address");
  }
  const bool is_numeric = host.find_first_not_of("0123456789.") == std::string::npos;
  if (is_numeric && !is_address(AF_INET, host)) {
    return malformed("has a host that looks like an IPv4 address and is none");
  }
  return host;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  const auto port = parse_whole_number(text);
  if (!port || *port == 0 || *port > 65535) return malformed("needs a port from 1 to 65535");
  return static_cast<std::uint16_t>(*port);
}

/// Host and port of `text`, the part between the slashes.
Result<Url> parse_authority(std::string_view text) {
  Url url{.scheme = "http", .host = "", .path = "/", .port = kHttpPort};
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return malformed("has a [ without its ]");
    url.host = lower_ascii(text.substr(1, end - 1));
    if (!is_address(AF_INET6, url.host)) return malformed("has no IPv6 address in its brackets");
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return malformed("has text after its ]");
  } else {
    const auto colon = text.find(':');
    if (colon != text.rfind(':')) {
      return malformed("has several colons in its host; an IPv6 address needs brackets: [::1]");
    }
    const auto host = parse_host(text.substr(0, colon));
    if (!host) return host.error();
    url.host = *host;
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  if (!port.empty()) {
    const auto number = parse_port(port.substr(1));
    if (!number) return number.error();
    url.port = *number;
  }
  return url;
}

}  // namespace

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != kHttpPort) text += ":" + std::to_string(port);
  return text;
}

Result<Url> parse_url(std::string_view text) {
  if (text.find("${") != std::string_view::npos) {
    return malformed("holds ${...}: environment variables are not substituted here");
  }
  const std::string start = lower_ascii(text.substr(0, std::string_view("https://").size()));
  if (start == "https://") {
    return Error{Errc::kUnsupported, Side::kGateway,
                 "asks for TLS, which is not supported towards endpoints yet; use http://"};
  }
  if (!start.starts_with("http://")) return malformed("must start with http://");
  text.remove_prefix(std::string_view("http://").size());
  if (text.find('#') != std::string_view::npos) return malformed("must not have a fragment (#)");
  if (!is_target_text(text)) return malformed("holds a character that a URL cannot have");

  const auto authority_end = std::min(text.find_first_of("/?"), text.size());
  const std::string_view authority = text.substr(0, authority_end);
  if (authority.find('@') != std::string_view::npos) {
    return malformed("must not hold a user name or password; use headers for credentials");
  }
  auto url = parse_authority(authority);
  if (!url) return url.error();
  const std::string_view path = text.substr(authority_end);
  url->path = path.starts_with('/') ? std::string(path) : "/" + std::string(path);
  return url;
}

bool is_absolute_url(std::string_view text) {
  const std::string start = lower_ascii(text.substr(0, std::string_view("https://").size()));
  return start.starts_with("http://") || start.starts_with("https://");
}

std::string join_path(std::string_view base, std::string_view path) {
  while (base.ends_with('/'))
    base.remove_suffix(1);
  if (path.starts_with('/')) path.remove_prefix(1);
  return std::string(base) + "/" + std::string(path);
}

bool is_target_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return is_visible(c) && c != '#'; });
}

}  // namespace olla::config
