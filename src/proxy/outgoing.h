#pragma once

#include <array>
#include <string>
#include <string_view>

#include "fleet/snapshot.h"
#include "net/server_connection.h"
#include "net/upstream_connection.h"

namespace olla::proxy {

/// The fields of an endpoint's configuration; views into it.
[[nodiscard]] std::vector<http::Field> fields_of(const std::vector<config::Header>& headers);

/// A client's request as one endpoint gets it, and how much of that has been sent.
class OutgoingRequest {
 public:
  struct Parts {
    std::string_view target;  ///< For the request line.
    std::string_view body;    ///< The client's, or what it was translated into.
    std::string_view request_id;
    bool reads_answer = false;  ///< See http::RequestForwarding.
  };

  /// Makes the request anew. The client's connection and what `parts` points at must stay until it
  /// is sent or made again.
  void make(const net::ServerConnection& client, const fleet::EndpointView& view,
            const Parts& parts);

  /// Sends what is unsent, until the endpoint says something although it takes no more. `limit`:
  /// the longest time that it may take no byte.
  net::Awaitable<Result<void>> send(net::UpstreamConnection& upstream, Duration limit);

  [[nodiscard]] bool all_sent() const;

 private:
  std::string head_;                        // Up to the body.
  std::string tail_;                        // What follows it: nothing, or the trailers.
  std::array<std::string_view, 3> unsent_;  // What is left of head, body and tail.
};

}  // namespace olla::proxy
