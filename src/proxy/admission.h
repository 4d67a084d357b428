#pragma once

#include <optional>
#include <string>

#include "http/head.h"
#include "limits/client_address.h"
#include "proxy/services.h"
#include "vllm/errors.h"

namespace olla::proxy {

/// Who sent a request, and what every answer to it tells.
struct Caller {
  /// The peer, or the client that a trusted proxy speaks for.
  limits::ClientAddress address;
  /// Complete field lines, for every answer, the gateway's own and an endpoint's.
  std::string answer_fields;
};

/// Finds out who sent a request. `head` may be one that was refused, with the fields in front of
/// its fault.
[[nodiscard]] Caller identify(const limits::Gate& gate, const limits::ClientAddress& peer,
                              const http::RequestHead& head);

/// Decides whether a request may go on, once its head is read: the answer to one that may not, to a
/// browser's preflight, or to a path that has to be cleaned first; nullopt: it may. Takes its
/// tokens, and adds to `caller` what its limits say.
[[nodiscard]] std::optional<OwnAnswer> admit(limits::Gate& gate, const limits::ClientAddress& peer,
                                             const http::RequestHead& head, Caller& caller);

/// Whether the body of a request that is not admitted is so small that reading it costs less than a
/// new connection.
[[nodiscard]] bool is_worth_reading(const http::RequestHead& head);

/// The shape of errors on the route that a request target names.
[[nodiscard]] vllm::ErrorShape error_shape_of_target(std::string_view target);

}  // namespace olla::proxy
