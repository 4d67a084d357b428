#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "fleet/address.h"
#include "net/deadlines.h"
#include "net/types.h"

namespace olla::net {

/// One request of the gateway's own: a health check, a model list.
struct FetchRequest {
  std::string method = "GET";
  std::string body = {};                  ///< JSON; of any other method than GET.
  std::vector<fleet::Address> addresses;  ///< In the order to try; none is a refusal.
  std::string authority;                  ///< For the Host header.
  std::string path;
  std::string user_agent;
  std::vector<std::pair<std::string, std::string>> headers;
  Duration limit;                  ///< For everything together.
  std::size_t max_body_bytes = 0;  ///< A longer body is an error.
};

struct FetchResponse {
  int status = 0;
  std::string body;
  std::string retry_after = {};  ///< The value of this field; empty: there is none.
  std::string location = {};     ///< The same of Location.
};

/// Asks once, on a connection of its own, and reads the whole answer. Follows no redirect.
/// Errors: those of UpstreamConnection, kMalformed and kTooLarge.
Awaitable<Result<FetchResponse>> fetch(asio::io_context& io, Deadlines& deadlines,
                                       FetchRequest request);

}  // namespace olla::net
