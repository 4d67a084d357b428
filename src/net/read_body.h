#pragma once

#include <cstddef>
#include <string>

#include "base/error.h"
#include "http/head.h"
#include "net/upstream_connection.h"

namespace olla::net {

/// How long a body may take.
struct BodyPatience {
  Duration gap;   ///< Longest silence.
  TimePoint end;  ///< When it has to be there.
};

/// Reads the whole body of the response whose `head` was taken off the connection's input; trailers
/// are dropped. Leaves what follows the body in the input. The connection and `head` must outlive
/// the awaitable.
/// Errors: those of UpstreamConnection::read(), kMalformed and, over `max_bytes`, kTooLarge.
Awaitable<Result<std::string>> read_body(UpstreamConnection& connection,
                                         const http::ResponseHead& head, std::size_t max_bytes,
                                         BodyPatience patience);

/// Waits until the input holds all of a body of known length, and leaves it there.
Awaitable<Result<void>> await_sized_body(UpstreamConnection& connection, std::size_t bytes,
                                         BodyPatience patience);

}  // namespace olla::net
