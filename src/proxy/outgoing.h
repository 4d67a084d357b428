#pragma once

#include <array>
#include <string>
#include <string_view>

#include "fleet/snapshot.h"
#include "net/server_connection.h"
#include "net/upstream_connection.h"
#include "openai/request.h"
#include "proxy/chooser.h"

namespace olla::proxy {

/// The fields of an endpoint's configuration; views into it.
[[nodiscard]] std::vector<http::Field> fields_of(const std::vector<config::Header>& headers);

/// The model that a request names, when it may stand in a header as it is. Real names are under 200
/// bytes; a client's nonsense shall not become a head that nobody takes.
[[nodiscard]] std::optional<std::string_view> model_for_header(const openai::RequestFacts& facts);

/// What the endpoint is asked for, for the request line: the client's own spelling of it. In front
/// of it the path of the endpoint's URL with preserve_path, and for the Messages API the path at
/// which this kind of server has it.
[[nodiscard]] std::string target_for(const Destination& destination,
                                     const fleet::EndpointView& view);

/// A client's request as one endpoint gets it, and how much of that has been sent.
class OutgoingRequest {
 public:
  struct Parts {
    const Destination& destination;
    std::string_view body;  ///< The client's, or what it was translated into.
    std::string_view request_id;
    std::string_view client_address;  ///< Who asked, whatever proxies stand between.
    std::optional<std::string_view> model = std::nullopt;  ///< For X-Model.
    bool reads_answer = false;                             ///< See http::RequestForwarding.
  };

  /// Makes the request anew. The client's connection and what `parts` points at must stay until it
  /// is sent or made again. `spare` is memory that may be taken for it.
  void make(const net::ServerConnection& client, const fleet::EndpointView& view,
            const Parts& parts, std::string& spare);

  /// Sends what is unsent, until the endpoint says something although it takes no more. `limit`:
  /// the longest time that it may take no byte.
  net::Awaitable<Result<void>> send(net::UpstreamConnection& upstream, Duration limit);

  [[nodiscard]] bool all_sent() const;

  /// Gives the memory of the head back when that is sent: the answer may take minutes.
  void give_back(std::string& spare);

 private:
  std::string head_;                        // Up to the body.
  std::string tail_;                        // What follows it: nothing, or the trailers.
  std::array<std::string_view, 3> unsent_;  // What is left of head, body and tail.
};

}  // namespace olla::proxy
