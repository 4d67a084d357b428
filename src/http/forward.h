#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/head.h"

namespace olla::http {

/// What a proxy adds to a request on its way to an endpoint. All views must outlive the call.
struct RequestForwarding {
  std::string_view target;          ///< Path and query for the endpoint, byte for byte.
  std::string_view authority;       ///< The endpoint's host:port, for Host.
  std::string_view client_address;  ///< Of the peer, for X-Forwarded-For.
  std::string_view real_ip;         ///< Who asked, for X-Real-IP unless the client sets that.
  std::string_view request_id;
  /// For X-Model: as the client wrote it; absent when it named none.
  std::optional<std::string_view> model = std::nullopt;
  std::span<const Field> endpoint_headers;  ///< They win over the client's of the same name.
  bool forward_client_auth = false;         ///< Send the client's own credentials on.
  /// The endpoint looks for a bearer token alone, and clients of this route send X-Api-Key: where
  /// that is sent on without an Authorization, it becomes one as well.
  bool key_as_bearer = false;
  Framing framing = Framing::kNone;  ///< kNone, kLength, or kChunked when trailers follow.
  std::uint64_t content_length = 0;
  /// The endpoint is a vLLM, which makes the ids of its answers and log lines from X-Request-Id: it
  /// gets `request_id` there in place of the client's.
  bool sets_x_request_id = false;
  /// The gateway reads the answer itself: it must not come compressed, whatever the client takes.
  bool reads_answer = false;
};

/// Appends the head to send upstream: hop-by-hop fields dropped (RFC 9110, section 7.6.1), the
/// client's credentials dropped, the gateway's fields added, Trailer kept as far as trailers may
/// come, the rest as the client wrote it.
void append_request_head(const RequestHead& head, const RequestForwarding& forwarding,
                         std::string& out);

/// Appends the end of a chunked request body: the trailers that may pass, and the empty line. What
/// the client may not say in its head it may not say here either, nor what went out there already:
/// X-Forwarded-*, X-Real-IP and X-Model.
void append_request_trailers(std::span<const Field> trailers, const RequestHead& head,
                             const RequestForwarding& forwarding, std::string& out);

/// What a proxy adds to a response on its way to the client. All views must outlive the call.
struct ResponseForwarding {
  std::string_view endpoint;
  std::optional<std::string_view> model;  ///< As the client wrote it; absent when it named none.
  std::string_view backend_type;
  std::uint64_t response_time_ms = 0;
  std::string_view request_id;
  std::span<const Field> endpoint_headers;  ///< Fields of these names hold secrets: dropped.
  Framing framing = Framing::kNone;  ///< How the body goes to the client, by the gateway's choice.
  int client_minor_version = 1;
  bool keep_alive = true;
  bool announce_time_trailer = false;  ///< Adds `Trailer: X-Olla-Response-Time`.
  std::string_view translated;         ///< For X-Olla-Translated; empty: nothing was.
  std::string_view mode;               ///< For X-Olla-Mode; empty: there is none.
  /// Complete field lines that every answer to this client gets.
  std::string_view answer_fields;
  bool replaces_cors = false;         ///< They stand for Access-Control-* of the backend.
  bool replaces_rate_limits = false;  ///< They stand for X-RateLimit-* of the backend.
  std::string_view extra_fields;      ///< Complete field lines of the gateway's, each with CRLF.
};

/// Appends the head to send to the client. X-Olla-* of the backend never pass, and Trailer only as
/// far as trailers may come.
void append_response_head(const ResponseHead& head, const ResponseForwarding& forwarding,
                          std::string& out);

/// Appends an interim (1xx) response as the backend sent it, without hop-by-hop fields and without
/// what only the gateway may say; fields of the endpoint's own headers hold secrets.
void append_interim_head(const ResponseHead& head, std::span<const Field> endpoint_headers,
                         std::string& out);

/// What a proxy does with the trailers of a response. All views must outlive the call.
struct ResponseTrailerForwarding {
  std::span<const Field> endpoint_headers = {};  ///< As in ResponseForwarding.
  /// With it, X-Olla-Response-Time is added.
  std::optional<std::uint64_t> response_time_ms = std::nullopt;
};

/// Appends the end of a chunked response body: the trailers that may pass, the gateway's own, and
/// the empty line. What the endpoint may not say in its head it may not say here either.
void append_response_trailers(std::span<const Field> trailers, const ResponseHead& head,
                              const ResponseTrailerForwarding& forwarding, std::string& out);

/// The fields of a request with the client's own credentials, except those that its Connection
/// keeps to this hop.
std::vector<Field> client_credentials(const RequestHead& head);

/// The id of a request: the client's own X-Olla-Request-ID or X-Request-ID (in this order) when it
/// is 1 to 128 visible ASCII characters; nullopt: make a new one.
std::optional<std::string_view> client_request_id(std::span<const Field> fields);

/// The path and query of a request target in origin form or absolute form (RFC 9112, section 3.2);
/// nullopt for "*" and for an authority.
std::optional<std::string_view> origin_form(std::string_view target);

}  // namespace olla::http
