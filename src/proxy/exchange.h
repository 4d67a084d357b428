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
#include "proxy/chooser.h"
#include "proxy/outgoing.h"
#include "proxy/relay.h"
#include "proxy/services.h"
#include "routing/pick.h"
#include "vllm/translate.h"

namespace olla::proxy {

/// One proxied request: inspected, translated for the endpoint that is chosen and sent there, and
/// to another one when that fails before the client has seen a byte; the answer relayed. The
/// client's leaving ends it at once.
class Exchange : public net::LeaveListener, private net::SilenceJudge, private ResponseIdListener {
 public:
  /// All arguments must outlive the exchange.
  Exchange(Services& services, net::ServerConnection& client, Destination destination,
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

  bool is_gone() override;
  void on_response_id(std::string_view id) override;

  net::Awaitable<void> answer(OwnAnswer own, std::string_view error);
  net::Awaitable<void> answer_no_endpoint(const routing::Pick& pick);
  [[nodiscard]] OwnAnswer error(int status, std::string_view code, std::string_view message) const;
  [[nodiscard]] OwnAnswer unavailable(std::string_view message) const;
  net::Awaitable<void> try_endpoints();
  net::Awaitable<Try> try_endpoint(const routing::Pick& pick);
  bool adapt(const routing::Pick& pick);
  net::Awaitable<Try> try_connection(const fleet::EndpointView& view, bool may_reuse);
  net::Awaitable<Result<void>> read_response_head(const fleet::EndpointView& view);
  net::Awaitable<Result<void>> read_one_head(TimePoint end);
  net::Awaitable<Try> give_up_on(const fleet::EndpointView& view, const Error& why, bool reused);
  net::Awaitable<Result<bool>> look_into_answer(const fleet::EndpointView& view);
  bool means_elsewhere(const fleet::EndpointView& view, std::string_view body);
  net::Awaitable<Try> relay_response(const fleet::EndpointView& view);
  [[nodiscard]] bool needs_rewriting() const;
  net::Awaitable<Try> rewrite_answer(const fleet::EndpointView& view);
  net::Awaitable<void> note_end(const fleet::EndpointView& view, const Relay& relay,
                                Relay::End end);
  void reuse_connection(const fleet::EndpointView& view);
  std::string response_head_text(const fleet::EndpointView& view, const BodyPlan& plan,
                                 bool time_trailer);

  Services& services_;
  net::ServerConnection& client_;
  Destination destination_;
  log::AccessEntry& entry_;
  openai::RequestFacts facts_;
  Chooser chooser_;
  std::optional<EndpointId> present_;  // The endpoint that is being tried.
  vllm::Translation translation_;      // For it.
  std::unique_ptr<net::UpstreamConnection> upstream_;
  OutgoingRequest outgoing_;
  std::string head_text_;  // The head of the answer as received.
  http::ResponseHead response_;
  bool keep_client_ = true;
  bool interim_sent_ = false;  // An interim answer went to the client: no other endpoint now.
};

}  // namespace olla::proxy
