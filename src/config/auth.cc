#include "config/auth.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/ascii.h"
#include "config/headers.h"

namespace olla::config {
namespace {

struct Sources {
  const Section& section;
  const Environment& env;
  const SecretFiles& files;
};

/// The secret that `key` or `key`_file gives; reported when there is none.
std::optional<std::string> read_secret(const Sources& sources, const std::string& key) {
  const Section& section = sources.section;
  const std::string file_key = key + "_file";
  const auto text = section.text(key);
  const auto file = section.text(file_key);
  if (section.has(key) && section.has(file_key)) {
    section.error(file_key, "is there beside " + key + "; give one of them");
    return std::nullopt;
  }
  if (!section.has(key) && !section.has(file_key)) {
    section.error(key, "is missing; give it or " + file_key);
    return std::nullopt;
  }
  if (!text && !file) return std::nullopt;  // Reported already.
  const std::string& used = text ? key : file_key;
  auto value = substitute(text ? *text : *file, sources.env);
  if (value && file) value = sources.files(*value);
  if (!value) {
    section.error(used, value.error().detail);
    return std::nullopt;
  }
  const std::string_view secret = trimmed(*value);
  const std::string fault = secret.empty() ? "gives no text" : header_value_fault(secret);
  if (fault.empty()) return std::string(secret);
  section.error(used, fault);
  return std::nullopt;
}

/// RFC 4648 section 4.
std::string base64(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::string_view group = bytes.substr(i, 3);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (j < group.size() ? static_cast<unsigned char>(group[j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      out += j <= group.size() ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

std::optional<Header> read_basic(const Sources& sources) {
  const auto username = read_secret(sources, "username");
  const auto password = read_secret(sources, "password");
  if (!username || !password) return std::nullopt;
  if (username->find(':') != std::string::npos) {
    // RFC 7617 section 2: the server would take the rest for the password.
    sources.section.error("username", "must not hold a colon");
    return std::nullopt;
  }
  return Header{"Authorization", "Basic " + base64(*username + ":" + *password)};
}

std::optional<Header> read_api_key(const Sources& sources) {
  const std::string name = sources.section.text("header").value_or("X-Api-Key");
  if (const std::string fault = header_name_fault(name); !fault.empty()) {
    sources.section.error("header", fault);
    return std::nullopt;
  }
  const auto key = read_secret(sources, "key");
  if (!key) return std::nullopt;
  return Header{name, *key};
}

std::optional<Header> read_header(const Sources& sources, std::string_view type) {
  if (type == "basic") return read_basic(sources);
  if (type == "api_key") return read_api_key(sources);
  const auto token = read_secret(sources, "token");
  if (!token) return std::nullopt;
  return Header{"Authorization", "Bearer " + *token};
}

/// Whether a key of `auth` belongs to its type.
bool belongs(std::string_view type, std::string_view key) {
  if (type == "bearer") return is_in("token, token_file", key);
  if (type == "api_key") return is_in("key, key_file, header", key);
  return is_in("username, username_file, password, password_file", key);
}

}  // namespace

void read_auth(const Section& section, const Environment& env, const SecretFiles& files,
               std::vector<Header>& headers) {
  const auto type = section.choice("type");
  if (!type) {
    if (!section.has("type")) section.error("type", "is missing; give bearer, api_key or basic");
    return;
  }
  for (const char* key : {"token", "token_file", "key", "key_file", "header", "username",
                          "username_file", "password", "password_file"}) {
    if (section.has(key) && !belongs(*type, key)) {
      section.error(key, "is not a key of the type " + *type);
    }
  }
  auto header = read_header({section, env, files}, *type);
  if (!header) return;
  const std::string name = lower_ascii(header->name);
  const auto removed = std::remove_if(headers.begin(), headers.end(), [&](const Header& other) {
    return lower_ascii(other.name) == name;
  });
  if (removed != headers.end()) {
    section.warning("type", "gives the header " + header->name + " in place of that of headers");
    headers.erase(removed, headers.end());
  }
  headers.push_back(*std::move(header));
}

}  // namespace olla::config
