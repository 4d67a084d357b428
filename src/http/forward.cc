#include "http/forward.h"

#include <algorithm>
#include <array>

#include "base/text_writer.h"

namespace olla::http {
namespace {

/// Writes the lines of a head.
class HeadWriter : public TextWriter {
 public:
  using TextWriter::TextWriter;

  HeadWriter& field(std::string_view name, std::string_view value) {
    char* at = take(name.size() + value.size() + 4);
    at += name.copy(at, name.size());
    *at++ = ':';
    *at++ = ' ';
    at += value.copy(at, value.size());
    *at++ = '\r';
    *at = '\n';
    advance(name.size() + value.size() + 4);
    return *this;
  }
};

// What is to be known of a field's name.
enum NameBit : std::uint32_t {
  kHopByHop = 1U << 0,
  kClientCredential = 1U << 1,
  // What an endpoint has no reason to tell a client; Olla drops the same.
  kBackendSecret = 1U << 2,
  // The gateway writes these itself, from the framing it chose and the endpoint's address.
  kRequestRewritten = 1U << 3,
  // Lists of all proxies on the way, to which the gateway adds itself.
  kProxyList = 1U << 4,
  kRateLimit = 1U << 5,
  // RFC 9110, section 6.5.1: fields that frame, route or authenticate have no place in trailers.
  kForbiddenTrailer = 1U << 6,
  kTrailerField = 1U << 7,
  kContentLength = 1U << 8,
  kTransferEncoding = 1U << 9,
  kAuthorization = 1U << 10,
  kApiKey = 1U << 11,
  kModel = 1U << 12,
  kRequestId = 1U << 13,
  kAcceptEncoding = 1U << 14,
  kForwardedProto = 1U << 15,
  kForwardedHost = 1U << 16,
  kRealIp = 1U << 17,
};

constexpr NameTable kNames(std::to_array<NamedBits>({
    {"connection", kHopByHop},
    {"keep-alive", kHopByHop},
    {"proxy-connection", kHopByHop},
    {"proxy-authenticate", kHopByHop},
    {"proxy-authorization", kHopByHop},
    {"te", kHopByHop | kForbiddenTrailer},
    {"transfer-encoding", kHopByHop | kTransferEncoding},
    {"upgrade", kHopByHop},
    {"authorization", kClientCredential | kBackendSecret | kForbiddenTrailer | kAuthorization},
    {"cookie", kClientCredential},
    {"x-api-key", kClientCredential | kBackendSecret | kApiKey},
    {"x-auth-token", kClientCredential | kBackendSecret},
    {"set-cookie", kBackendSecret | kForbiddenTrailer},
    {"host", kRequestRewritten | kForbiddenTrailer},
    {"content-length", kRequestRewritten | kForbiddenTrailer | kContentLength},
    {"expect", kRequestRewritten | kForbiddenTrailer},
    {"via", kRequestRewritten | kProxyList | kForbiddenTrailer},
    {"x-forwarded-for", kRequestRewritten},
    {"x-olla-request-id", kRequestRewritten},
    {"x-proxied-by", kRequestRewritten},
    {"x-served-by", kProxyList | kForbiddenTrailer},
    {"x-ratelimit-limit", kRateLimit},
    {"x-ratelimit-remaining", kRateLimit},
    {"x-ratelimit-reset", kRateLimit},
    {"trailer", kForbiddenTrailer | kTrailerField},
    {"content-encoding", kForbiddenTrailer},
    {"content-type", kForbiddenTrailer},
    {"content-range", kForbiddenTrailer},
    {"cache-control", kForbiddenTrailer},
    {"x-real-ip", kForbiddenTrailer | kRealIp},
    {"x-model", kForbiddenTrailer | kModel},
    {"x-request-id", kRequestId},
    {"accept-encoding", kAcceptEncoding},
    {"x-forwarded-proto", kForwardedProto},
    {"x-forwarded-host", kForwardedHost},
}));

// About as much as the gateway adds to a message: room for it, not a limit.
constexpr std::size_t kOwnFieldsBytes = 384;

constexpr std::string_view kProduct = "olla/v" OLLA_VERSION;
constexpr std::string_view kViaHttp10 = "1.0 olla/v" OLLA_VERSION;
constexpr std::string_view kViaHttp11 = "1.1 olla/v" OLLA_VERSION;

/// The names listed in the Connection fields of one message.
class ConnectionNames {
 public:
  explicit ConnectionNames(std::span<const Field> fields) : fields_(fields) {
    for (const Field& field : fields) {
      if (!iequals(field.name, "connection")) continue;
      ListWalker list(field.value);
      // Keep-Alive, which most clients list and nothing else, is kept to this hop in any case.
      while (const auto token = list.next())
        lists_any_ = lists_any_ || !iequals(*token, "keep-alive");
    }
  }
  [[nodiscard]] bool lists(std::string_view name) const {
    if (!lists_any_) return false;
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
  bool lists_any_ = false;
};

/// Joins a list field of the client with the gateway's own element.
void append_list_field(std::span<const Field> fields, std::string_view name,
                       std::string_view element, HeadWriter& out) {
  out.text(name).text(": ");
  for (const Field& field : fields) {
    if (iequals(field.name, name) && !field.value.empty()) out.text(field.value).text(", ");
  }
  out.text(element).text("\r\n");
}

void append_via(std::span<const Field> fields, int minor_version, HeadWriter& out) {
  append_list_field(fields, "Via", minor_version == 1 ? kViaHttp11 : kViaHttp10, out);
}

bool is_of(std::span<const Field> fields, std::string_view name) {
  return !fields.empty() && find_field(fields, name).has_value();
}

/// `bits`: those of the name.
bool passes_upstream(std::string_view name, std::uint32_t bits, const ConnectionNames& listed,
                     const RequestForwarding& forwarding) {
  if ((bits & (kHopByHop | kRequestRewritten)) != 0 || listed.lists(name)) return false;
  if (forwarding.model && (bits & kModel) != 0) return false;
  if (!forwarding.forward_client_auth && (bits & kClientCredential) != 0) return false;
  return !is_of(forwarding.endpoint_headers, name);
}

bool trailer_passes_upstream(std::string_view name, const ConnectionNames& listed,
                             const RequestForwarding& forwarding) {
  const std::uint32_t bits = kNames.bits_of(name);
  // The gateway's own went out in the head, and trailers may be merged into it.
  if (forwarding.sets_x_request_id && (bits & kRequestId) != 0) return false;
  return passes_upstream(name, bits, listed, forwarding) && (bits & kForbiddenTrailer) == 0 &&
         !istarts_with(name, "x-forwarded-") && !istarts_with(name, "x-olla-");
}

/// Appends a Trailer field with those of its names that `passes` takes; without any, nothing.
template <class Passes>
void append_announcement(const Field& field, const Passes& passes, HeadWriter& out) {
  std::string names;
  ListWalker list(field.value);
  while (const auto name = list.next()) {
    if (passes(*name)) names.append(names.empty() ? "" : ", ").append(*name);
  }
  if (!names.empty()) out.field(field.name, names);
}

void append_framing(Framing framing, std::uint64_t length, HeadWriter& out) {
  if (framing == Framing::kLength) {
    out.text("Content-Length: ").number(length).text("\r\n");
  } else if (framing == Framing::kChunked) {
    out.text("Transfer-Encoding: chunked\r\n");
  }
}

/// Adds a field of the gateway unless the endpoint's own headers set it.
void append_own(const RequestForwarding& forwarding, std::string_view name, std::string_view value,
                HeadWriter& out) {
  if (!is_of(forwarding.endpoint_headers, name)) out.field(name, value);
}

/// What the gateway adds to the fields of the client. `bits`: those of all names that passed.
void append_own_fields(const RequestHead& head, const RequestForwarding& forwarding,
                       std::uint32_t bits, HeadWriter& out) {
  append_framing(forwarding.framing, forwarding.content_length, out);
  append_own(forwarding, "X-Olla-Request-ID", forwarding.request_id, out);
  if (forwarding.sets_x_request_id)
    append_own(forwarding, "X-Request-Id", forwarding.request_id, out);
  if (!is_of(forwarding.endpoint_headers, "x-forwarded-for"))
    append_list_field(head.fields, "X-Forwarded-For", forwarding.client_address, out);
  if ((bits & kForwardedProto) == 0) append_own(forwarding, "X-Forwarded-Proto", "http", out);
  if ((bits & kForwardedHost) == 0 && !head.host.empty())
    append_own(forwarding, "X-Forwarded-Host", head.host, out);
  if ((bits & kRealIp) == 0) append_own(forwarding, "X-Real-IP", forwarding.real_ip, out);
  append_own(forwarding, "X-Proxied-By", kProduct, out);
  if (forwarding.reads_answer) append_own(forwarding, "Accept-Encoding", "identity", out);
  if (forwarding.model) append_own(forwarding, "X-Model", *forwarding.model, out);
  if (!is_of(forwarding.endpoint_headers, "via")) append_via(head.fields, head.minor_version, out);
  for (const Field& field : forwarding.endpoint_headers)
    out.field(field.name, field.value);
}

/// `bits`: those of the name.
bool passes_to_client(std::string_view name, std::uint32_t bits, const ConnectionNames& listed) {
  return (bits & (kHopByHop | kBackendSecret)) == 0 && !istarts_with(name, "x-olla-") &&
         !listed.lists(name);
}

/// Whether the place of a field is taken by what the gateway itself says to this client.
bool is_replaced(std::string_view name, std::uint32_t bits, const ResponseForwarding& forwarding) {
  if (forwarding.replaces_cors && istarts_with(name, "access-control-")) return true;
  return forwarding.replaces_rate_limits && (bits & kRateLimit) != 0;
}

bool trailer_passes_to_client(std::string_view name, const ConnectionNames& listed,
                              std::span<const Field> endpoint_headers) {
  const std::uint32_t bits = kNames.bits_of(name);
  return passes_to_client(name, bits, listed) && (bits & kForbiddenTrailer) == 0 &&
         !is_of(endpoint_headers, name);
}

void append_status_line(const ResponseHead& head, HeadWriter& out) {
  out.text("HTTP/1.1 ").number(static_cast<std::uint64_t>(head.status));
  out.text(" ").text(head.reason).text("\r\n");
}

void append_response_time(std::uint64_t milliseconds, HeadWriter& out) {
  out.text("X-Olla-Response-Time: ").number(milliseconds).text("ms\r\n");
}

std::size_t size_of(std::span<const Field> fields) {
  std::size_t size = 0;
  for (const Field& field : fields)
    size += field.name.size() + field.value.size() + 4;
  return size;
}

/// Appends the endpoint's fields that may pass, and how the body is framed.
void append_response_fields(const ResponseHead& head, const ResponseForwarding& forwarding,
                            HeadWriter& out) {
  const ConnectionNames listed(head.fields);
  bool framed = false;
  for (const Field& field : head.fields) {
    const std::uint32_t bits = kNames.bits_of(field.name);
    if ((bits & kContentLength) != 0) {
      // Also a bodiless answer (HEAD, 304) tells the length of the body that it does not have.
      // Only 204 has none to tell (RFC 9110, section 8.6).
      if (forwarding.framing == Framing::kLength ||
          (forwarding.framing == Framing::kNone && head.status != 204)) {
        out.field(field.name, field.value);
        framed = true;
      }
      continue;
    }
    if ((bits & kTransferEncoding) != 0) {
      if (forwarding.framing == Framing::kChunked && !framed) {
        out.field(field.name, "chunked");
        framed = true;
      }
      continue;
    }
    if ((bits & kProxyList) != 0 || !passes_to_client(field.name, bits, listed)) continue;
    if (is_of(forwarding.endpoint_headers, field.name)) continue;
    if (is_replaced(field.name, bits, forwarding)) continue;
    if ((bits & kTrailerField) != 0) {
      const auto passes = [&](std::string_view name) {
        return trailer_passes_to_client(name, listed, forwarding.endpoint_headers);
      };
      // A bodiless answer (HEAD) tells what its body would end with.
      if (forwarding.framing == Framing::kChunked || forwarding.framing == Framing::kNone)
        append_announcement(field, passes, out);
      continue;
    }
    out.field(field.name, field.value);
  }
  // The framing stands where the backend had it, unless the gateway changed it.
  if (!framed) append_framing(forwarding.framing, head.content_length, out);
}

}  // namespace

void append_request_head(const RequestHead& head, const RequestForwarding& forwarding,
                         std::string& out) {
  const ConnectionNames listed(head.fields);
  HeadWriter writer(out, size_of(head.fields) + size_of(forwarding.endpoint_headers) +
                             forwarding.target.size() + kOwnFieldsBytes);
  writer.text(head.method).text(" ").text(forwarding.target).text(" HTTP/1.1\r\n");
  append_own(forwarding, "Host", forwarding.authority, writer);
  std::uint32_t all_bits = 0;
  std::string_view key;
  for (const Field& field : head.fields) {
    const std::uint32_t bits = kNames.bits_of(field.name);
    if (!passes_upstream(field.name, bits, listed, forwarding)) continue;
    if (forwarding.sets_x_request_id && (bits & kRequestId) != 0) continue;
    if (forwarding.reads_answer && (bits & kAcceptEncoding) != 0) continue;
    if ((bits & kTrailerField) != 0) {
      const auto passes = [&](std::string_view name) {
        return trailer_passes_upstream(name, listed, forwarding);
      };
      if (forwarding.framing == Framing::kChunked) append_announcement(field, passes, writer);
      continue;
    }
    writer.field(field.name, field.value);
    all_bits |= bits;
    if (key.empty() && (bits & kApiKey) != 0) key = field.value;
  }
  if (forwarding.key_as_bearer && (all_bits & kAuthorization) == 0 && !key.empty())
    append_own(forwarding, "Authorization", std::string("Bearer ").append(key), writer);
  append_own_fields(head, forwarding, all_bits, writer);
  writer.text("\r\n");
}

void append_request_trailers(std::span<const Field> trailers, const RequestHead& head,
                             const RequestForwarding& forwarding, std::string& out) {
  const ConnectionNames listed(head.fields);
  HeadWriter writer(out, size_of(trailers) + kOwnFieldsBytes);
  for (const Field& field : trailers) {
    if (trailer_passes_upstream(field.name, listed, forwarding))
      writer.field(field.name, field.value);
  }
  writer.text("\r\n");
}

void append_response_head(const ResponseHead& head, const ResponseForwarding& forwarding,
                          std::string& out) {
  HeadWriter writer(out, size_of(head.fields) + forwarding.answer_fields.size() +
                             forwarding.extra_fields.size() + kOwnFieldsBytes);
  append_status_line(head, writer);
  append_response_fields(head, forwarding, writer);
  append_via(head.fields, head.minor_version, writer);
  append_list_field(head.fields, "X-Served-By", kProduct, writer);
  writer.field("X-Olla-Endpoint", forwarding.endpoint);
  writer.field("X-Olla-Backend-Type", forwarding.backend_type);
  if (forwarding.model) writer.field("X-Olla-Model", *forwarding.model);
  if (!forwarding.translated.empty()) writer.field("X-Olla-Translated", forwarding.translated);
  if (!forwarding.mode.empty()) writer.field("X-Olla-Mode", forwarding.mode);
  writer.text(forwarding.extra_fields);
  writer.field("X-Olla-Request-ID", forwarding.request_id);
  append_response_time(forwarding.response_time_ms, writer);
  writer.text(forwarding.answer_fields);
  if (forwarding.announce_time_trailer) writer.field("Trailer", "X-Olla-Response-Time");
  if (!forwarding.keep_alive) {
    writer.text("Connection: close\r\n");
  } else if (forwarding.client_minor_version == 0) {
    writer.text("Connection: keep-alive\r\n");
  }
  writer.text("\r\n");
}

void append_interim_head(const ResponseHead& head, std::span<const Field> endpoint_headers,
                         std::string& out) {
  const ConnectionNames listed(head.fields);
  HeadWriter writer(out, size_of(head.fields) + kOwnFieldsBytes);
  append_status_line(head, writer);
  for (const Field& field : head.fields) {
    const std::uint32_t bits = kNames.bits_of(field.name);
    if ((bits & (kContentLength | kProxyList)) != 0) continue;
    if (is_of(endpoint_headers, field.name)) continue;
    if (passes_to_client(field.name, bits, listed)) writer.field(field.name, field.value);
  }
  writer.text("\r\n");
}

void append_response_trailers(std::span<const Field> trailers, const ResponseHead& head,
                              const ResponseTrailerForwarding& forwarding, std::string& out) {
  const ConnectionNames listed(head.fields);
  HeadWriter writer(out, size_of(trailers) + kOwnFieldsBytes);
  for (const Field& field : trailers) {
    if (trailer_passes_to_client(field.name, listed, forwarding.endpoint_headers))
      writer.field(field.name, field.value);
  }
  if (forwarding.response_time_ms) append_response_time(*forwarding.response_time_ms, writer);
  writer.text("\r\n");
}

std::vector<Field> client_credentials(const RequestHead& head) {
  const ConnectionNames listed(head.fields);
  std::vector<Field> credentials;
  for (const Field& field : head.fields) {
    if ((kNames.bits_of(field.name) & kClientCredential) != 0 && !listed.lists(field.name))
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
