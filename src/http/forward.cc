#include "http/forward.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace olla::http {
namespace {

void append_field(std::string_view name, std::string_view value, std::string& out) {
  // In one step: each append() is a call that looks at the capacity.
  const std::size_t before = out.size();
  out.resize(before + name.size() + value.size() + 4);
  char* at = std::copy(name.begin(), name.end(), out.data() + before);
  *at++ = ':';
  *at++ = ' ';
  at = std::copy(value.begin(), value.end(), at);
  *at++ = '\r';
  *at = '\n';
}

void append_number(std::uint64_t value, std::string& out) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

constexpr NameSet kHopByHop(std::to_array<std::string_view>(
    {"connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization",
     "te", "transfer-encoding", "upgrade"}));

constexpr NameSet kClientCredentials(
    std::to_array<std::string_view>({"authorization", "cookie", "x-api-key", "x-auth-token"}));

// What an endpoint has no reason to tell a client; Olla drops the same.
constexpr NameSet kBackendSecrets(std::to_array<std::string_view>({"authorization", "x-api-key",
                                                                   "x-auth-token", "set-cookie"}));

// The gateway writes these itself, from the framing it chose and the endpoint's address.
constexpr NameSet kRequestRewritten(
    std::to_array<std::string_view>({"host", "content-length", "expect", "via", "x-forwarded-for",
                                     "x-olla-request-id", "x-proxied-by"}));

// Lists of all proxies on the way, to which the gateway adds itself.
constexpr NameSet kProxyLists(std::to_array<std::string_view>({"via", "x-served-by"}));

// About as much as the gateway adds to a request: room for it, not a limit.
constexpr std::size_t kOwnFieldsBytes = 512;

constexpr std::string_view kProduct = "olla/v" OLLA_VERSION;

constexpr NameSet kRateLimits(std::to_array<std::string_view>(
    {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}));

// RFC 9110, section 6.5.1: fields that frame, route or authenticate have no place in trailers.
constexpr NameSet kForbiddenTrailers(std::to_array<std::string_view>(
    {"content-length", "host", "trailer", "content-encoding", "content-type", "content-range",
     "authorization", "set-cookie", "cache-control", "expect", "te", "via", "x-served-by",
     "x-real-ip", "x-model"}));

/// The names listed in the Connection fields of one message.
class ConnectionNames {
 public:
  explicit ConnectionNames(std::span<const Field> fields) : fields_(fields) {
    present_ = find_field(fields, "connection").has_value();
  }
  [[nodiscard]] bool lists(std::string_view name) const {
    if (!present_) return false;
    for (const Field& field : fields_) {
      if (!iequals(field.name, "connection")) continue;
      ListWalker list(field.value);
      while (const auto token = list.next()) {
        if (iequals(*token, name)) return true;
      }
    }
    return false;
  }

 private:
  std::span<const Field> fields_;
  bool present_;
};

/// Joins a list field of the client with the gateway's own element.
void append_list_field(std::span<const Field> fields, std::string_view name,
                       std::string_view element, std::string& out) {
  out.append(name).append(": ");
  for (const Field& field : fields) {
    if (iequals(field.name, name) && !field.value.empty()) out.append(field.value).append(", ");
  }
  out.append(element).append("\r\n");
}

void append_via(std::span<const Field> fields, int minor_version, std::string& out) {
  append_list_field(fields, "Via",
                    std::string(minor_version == 1 ? "1.1 " : "1.0 ").append(kProduct), out);
}

bool passes_upstream(std::string_view name, const ConnectionNames& listed,
                     const RequestForwarding& forwarding) {
  if (kHopByHop.has(name) || kRequestRewritten.has(name) || listed.lists(name)) {
    return false;
  }
  if (forwarding.model && iequals(name, "x-model")) return false;
  if (!forwarding.forward_client_auth && kClientCredentials.has(name)) return false;
  return !find_field(forwarding.endpoint_headers, name);
}

bool trailer_passes_upstream(std::string_view name, const ConnectionNames& listed,
                             const RequestForwarding& forwarding) {
  // The gateway's own went out in the head, and trailers may be merged into it.
  if (forwarding.sets_x_request_id && iequals(name, "x-request-id")) return false;
  return passes_upstream(name, listed, forwarding) && !kForbiddenTrailers.has(name) &&
         !istarts_with(name, "x-forwarded-") && !istarts_with(name, "x-olla-");
}

/// Appends a Trailer field with those of its names that `passes` takes; without any, nothing.
template <class Passes>
void append_announcement(const Field& field, const Passes& passes, std::string& out) {
  std::string names;
  ListWalker list(field.value);
  while (const auto name = list.next()) {
    if (passes(*name)) names.append(names.empty() ? "" : ", ").append(*name);
  }
  if (!names.empty()) append_field(field.name, names, out);
}

void append_framing(Framing framing, std::uint64_t length, std::string& out) {
  if (framing == Framing::kLength) {
    out.append("Content-Length: ");
    append_number(length, out);
    out.append("\r\n");
  } else if (framing == Framing::kChunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  }
}

/// Adds a field of the gateway unless the endpoint's own headers set it.
void append_own(const RequestForwarding& forwarding, std::string_view name, std::string_view value,
                std::string& out) {
  if (!find_field(forwarding.endpoint_headers, name)) append_field(name, value, out);
}

bool passes_to_client(std::string_view name, const ConnectionNames& listed) {
  return !kHopByHop.has(name) && !kBackendSecrets.has(name) && !istarts_with(name, "x-olla-") &&
         !listed.lists(name);
}

/// Fields whose place is taken by what the gateway itself says to this client.
bool is_replaced(std::string_view name, const ResponseForwarding& forwarding) {
  if (forwarding.replaces_cors && istarts_with(name, "access-control-")) return true;
  return forwarding.replaces_rate_limits && kRateLimits.has(name);
}

bool trailer_passes_to_client(std::string_view name, const ConnectionNames& listed,
                              std::span<const Field> endpoint_headers) {
  return passes_to_client(name, listed) && !kForbiddenTrailers.has(name) &&
         !find_field(endpoint_headers, name);
}

void append_status_line(const ResponseHead& head, std::string& out) {
  out.append("HTTP/1.1 ");
  append_number(static_cast<std::uint64_t>(head.status), out);
  out.append(" ").append(head.reason).append("\r\n");
}

void append_response_time(std::uint64_t milliseconds, std::string& out) {
  out.append("X-Olla-Response-Time: ");
  append_number(milliseconds, out);
  out.append("ms\r\n");
}

}  // namespace

void append_request_head(const RequestHead& head, const RequestForwarding& forwarding,
                         std::string& out) {
  const ConnectionNames listed(head.fields);
  std::size_t size = out.size() + forwarding.target.size() + kOwnFieldsBytes;
  for (const Field& field : head.fields)
    size += field.name.size() + field.value.size() + 4;
  out.reserve(size);
  out.append(head.method).append(" ").append(forwarding.target).append(" HTTP/1.1\r\n");
  append_own(forwarding, "Host", forwarding.authority, out);
  bool has_proto = false;
  bool has_host = false;
  bool has_real_ip = false;
  bool has_authorization = false;
  std::string_view key;
  for (const Field& field : head.fields) {
    if (!passes_upstream(field.name, listed, forwarding)) continue;
    if (forwarding.sets_x_request_id && iequals(field.name, "x-request-id")) continue;
    if (forwarding.reads_answer && iequals(field.name, "accept-encoding")) continue;
    if (iequals(field.name, "trailer")) {
      const auto passes = [&](std::string_view name) {
        return trailer_passes_upstream(name, listed, forwarding);
      };
      if (forwarding.framing == Framing::kChunked) append_announcement(field, passes, out);
      continue;
    }
    append_field(field.name, field.value, out);
    has_proto = has_proto || iequals(field.name, "x-forwarded-proto");
    has_host = has_host || iequals(field.name, "x-forwarded-host");
    has_real_ip = has_real_ip || iequals(field.name, "x-real-ip");
    has_authorization = has_authorization || iequals(field.name, "authorization");
    if (key.empty() && iequals(field.name, "x-api-key")) key = field.value;
  }
  if (forwarding.key_as_bearer && !has_authorization && !key.empty())
    append_own(forwarding, "Authorization", std::string("Bearer ").append(key), out);
  append_framing(forwarding.framing, forwarding.content_length, out);
  append_own(forwarding, "X-Olla-Request-ID", forwarding.request_id, out);
  if (forwarding.sets_x_request_id)
    append_own(forwarding, "X-Request-Id", forwarding.request_id, out);
  if (!find_field(forwarding.endpoint_headers, "x-forwarded-for")) {
    append_list_field(head.fields, "X-Forwarded-For", forwarding.client_address, out);
  }
  if (!has_proto) append_own(forwarding, "X-Forwarded-Proto", "http", out);
  if (!has_host && !head.host.empty()) append_own(forwarding, "X-Forwarded-Host", head.host, out);
  if (!has_real_ip) append_own(forwarding, "X-Real-IP", forwarding.real_ip, out);
  append_own(forwarding, "X-Proxied-By", kProduct, out);
  if (forwarding.reads_answer) append_own(forwarding, "Accept-Encoding", "identity", out);
  if (forwarding.model) append_own(forwarding, "X-Model", *forwarding.model, out);
  if (!find_field(forwarding.endpoint_headers, "via"))
    append_via(head.fields, head.minor_version, out);
  for (const Field& field : forwarding.endpoint_headers)
    append_field(field.name, field.value, out);
  out.append("\r\n");
}

void append_request_trailers(std::span<const Field> trailers, const RequestHead& head,
                             const RequestForwarding& forwarding, std::string& out) {
  const ConnectionNames listed(head.fields);
  for (const Field& field : trailers) {
    if (trailer_passes_upstream(field.name, listed, forwarding))
      append_field(field.name, field.value, out);
  }
  out.append("\r\n");
}

void append_response_head(const ResponseHead& head, const ResponseForwarding& forwarding,
                          std::string& out) {
  const ConnectionNames listed(head.fields);
  append_status_line(head, out);
  bool framed = false;
  for (const Field& field : head.fields) {
    if (iequals(field.name, "content-length")) {
      // Also a bodiless answer (HEAD, 304) tells the length of the body that it does not have.
      // Only 204 has none to tell (RFC 9110, section 8.6).
      if (forwarding.framing == Framing::kLength ||
          (forwarding.framing == Framing::kNone && head.status != 204)) {
        append_field(field.name, field.value, out);
        framed = true;
      }
      continue;
    }
    if (iequals(field.name, "transfer-encoding")) {
      if (forwarding.framing == Framing::kChunked && !framed) {
        append_field(field.name, "chunked", out);
        framed = true;
      }
      continue;
    }
    if (!passes_to_client(field.name, listed) || kProxyLists.has(field.name)) continue;
    if (find_field(forwarding.endpoint_headers, field.name)) continue;
    if (is_replaced(field.name, forwarding)) continue;
    if (iequals(field.name, "trailer")) {
      const auto passes = [&](std::string_view name) {
        return trailer_passes_to_client(name, listed, forwarding.endpoint_headers);
      };
      // A bodiless answer (HEAD) tells what its body would end with.
      if (forwarding.framing == Framing::kChunked || forwarding.framing == Framing::kNone)
        append_announcement(field, passes, out);
      continue;
    }
    append_field(field.name, field.value, out);
  }
  // The framing stands where the backend had it, unless the gateway changed it.
  if (!framed) append_framing(forwarding.framing, head.content_length, out);
  append_via(head.fields, head.minor_version, out);
  append_list_field(head.fields, "X-Served-By", kProduct, out);
  append_field("X-Olla-Endpoint", forwarding.endpoint, out);
  append_field("X-Olla-Backend-Type", forwarding.backend_type, out);
  if (forwarding.model) append_field("X-Olla-Model", *forwarding.model, out);
  if (!forwarding.translated.empty()) append_field("X-Olla-Translated", forwarding.translated, out);
  if (!forwarding.mode.empty()) append_field("X-Olla-Mode", forwarding.mode, out);
  out.append(forwarding.extra_fields);
  append_field("X-Olla-Request-ID", forwarding.request_id, out);
  append_response_time(forwarding.response_time_ms, out);
  out.append(forwarding.answer_fields);
  if (forwarding.announce_time_trailer) append_field("Trailer", "X-Olla-Response-Time", out);
  if (!forwarding.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (forwarding.client_minor_version == 0) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

void append_interim_head(const ResponseHead& head, std::span<const Field> endpoint_headers,
                         std::string& out) {
  const ConnectionNames listed(head.fields);
  append_status_line(head, out);
  for (const Field& field : head.fields) {
    if (iequals(field.name, "content-length") || kProxyLists.has(field.name)) continue;
    if (find_field(endpoint_headers, field.name)) continue;
    if (passes_to_client(field.name, listed)) append_field(field.name, field.value, out);
  }
  out.append("\r\n");
}

void append_response_trailers(std::span<const Field> trailers, const ResponseHead& head,
                              const ResponseTrailerForwarding& forwarding, std::string& out) {
  const ConnectionNames listed(head.fields);
  for (const Field& field : trailers) {
    if (trailer_passes_to_client(field.name, listed, forwarding.endpoint_headers))
      append_field(field.name, field.value, out);
  }
  if (forwarding.response_time_ms) append_response_time(*forwarding.response_time_ms, out);
  out.append("\r\n");
}

std::vector<Field> client_credentials(const RequestHead& head) {
  const ConnectionNames listed(head.fields);
  std::vector<Field> credentials;
  for (const Field& field : head.fields) {
    if (kClientCredentials.has(field.name) && !listed.lists(field.name))
      credentials.push_back(field);
  }
  return credentials;
}

std::optional<std::string_view> client_request_id(std::span<const Field> fields) {
  for (const std::string_view name : {"x-olla-request-id", "x-request-id"}) {
    for (const Field& field : fields) {
      if (!iequals(field.name, name)) continue;
      if (field.value.size() <= 128 && is_visible_ascii(field.value)) return field.value;
    }
  }
  return std::nullopt;
}

std::optional<std::string_view> origin_form(std::string_view target) {
  if (target.starts_with('/')) return target;
  if (!istarts_with(target, "http://") && !istarts_with(target, "https://")) return std::nullopt;
  const std::string_view rest = target.substr(target.find("://") + 3);
  const std::size_t path = rest.find_first_of("/?");
  if (path == std::string_view::npos) return "/";
  // "http://host?query" has an empty path, which no route of this gateway matches anyway.
  return rest[path] == '/' ? rest.substr(path) : std::optional<std::string_view>("/");
}

}  // namespace olla::http
