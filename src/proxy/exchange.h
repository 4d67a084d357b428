#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/head.h"
#include "log/access.h"
#include "net/server_connection.h"
#include "net/upstream_connection.h"
#include "openai/request.h"
#include "proxy/relay.h"
#include "proxy/services.h"
#include "routing/pick.h"
#include "routing/provider.h"

namespace olla::proxy {

/// One proxied request: inspected, sent to an endpoint, and to another one when that fails before
/// the client has seen a byte; the answer relayed. The client's leaving ends it at once.
class Exchange : public net::LeaveListener {
 public:
  /// All arguments must outlive the exchange. `route` points into the client's head.
  Exchange(Services& services, net::ServerConnection& client, const routing::Route& route,
           log::AccessEntry& entry);
  ~Exchange() override { client_.unwatch(); }

  /// Runs the exchange to its end and fills the access entry. The request's head and body must have
  /// been read. Returns whether the client's connection may carry another request.
  net::Awaitable<bool> run();

  /// Ends the exchange from outside: the program stops. The client's connection is cut.
  void cut();

  void on_client_left() override;

 private:
  /// What became of one try on one endpoint.
  enum class Try : std::uint8_t {
    kOver,       ///< The exchange is over: answered, or the client left.
    kElsewhere,  ///< No byte reached the client, and another endpoint may do better.
    kAgain,      ///< A pooled connection had died meanwhile: worth a fresh one.
  };

  net::Awaitable<void> answer(OwnAnswer own, std::string_view error);
  net::Awaitable<void> answer_no_endpoint(routing::NoPick reason);
  net::Awaitable<void> try_endpoints();
  net::Awaitable<Try> try_endpoint(const fleet::EndpointView& view);
  net::Awaitable<Try> try_connection(const fleet::EndpointView& view, bool may_reuse);
  net::Awaitable<Result<void>> send_request(const fleet::EndpointView& view);
  net::Awaitable<Result<void>> read_response_head();
  net::Awaitable<Result<void>> read_one_head(TimePoint end);
  net::Awaitable<Try> give_up_on(const fleet::EndpointView& view, const Error& error, bool reused);
  net::Awaitable<void> relay_response(const fleet::EndpointView& view, bool whole);
  std::string response_head_text(const fleet::EndpointView& view, const BodyPlan& plan,
                                 bool time_trailer);

  Services& services_;
  net::ServerConnection& client_;
  const routing::Route& route_;
  log::AccessEntry& entry_;
  openai::RequestFacts facts_;
  std::vector<EndpointId> tried_;
  std::unique_ptr<net::UpstreamConnection> upstream_;
  std::string head_text_;  // The head as sent upstream; then the head of the answer as received.
  http::ResponseHead response_;
  bool keep_client_ = true;
  bool interim_sent_ = false;  // An interim answer went to the client: no other endpoint now.
};

}  // namespace olla::proxy
