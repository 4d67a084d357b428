#pragma once

#include <optional>
#include <string_view>

#include "log/access.h"
#include "net/server_connection.h"
#include "proxy/admission.h"
#include "proxy/attempt.h"
#include "proxy/chooser.h"
#include "proxy/deaths.h"
#include "proxy/delivery.h"
#include "proxy/place.h"
#include "proxy/request.h"
#include "proxy/retry_rules.h"
#include "proxy/services.h"

namespace olla::proxy {

/// One proxied request: inspected, tried on the endpoint that is chosen, and on another one when
/// that fails before the client has seen a byte; the answer brought to the client. The client's
/// leaving ends it at once.
///
/// A request that waits for the answer of an endpoint which the health checks find down moves to
/// another one that can take it.
class Exchange : public net::LeaveListener, private SnapshotListener {
 public:
  /// All arguments must outlive the exchange.
  Exchange(Services& services, net::ServerConnection& client, Destination destination,
           log::AccessEntry& entry, const Caller& caller);
  ~Exchange() override { request_.client.unwatch(); }

  /// Runs the exchange to its end and fills the access entry. The request's head and body must have
  /// been read. Returns whether the client's connection may carry another request.
  net::Awaitable<bool> run();

  /// Ends the exchange from outside: the program stops. The client's connection is cut.
  void cut();

  void on_client_left() override;

 private:
  /// What comes after a try.
  enum class Next : std::uint8_t {
    kOver,       ///< The exchange is over: answered, or the client left.
    kElsewhere,  ///< No byte reached the client, and another endpoint may do better.
  };

  net::Awaitable<void> answer(OwnAnswer own, std::string_view error);
  net::Awaitable<void> refuse(int status, std::string_view code, std::string_view message,
                              std::string_view error);
  void on_snapshot() override;
  net::Awaitable<void> answer_no_place(const Place& place);
  net::Awaitable<void> try_endpoints();
  net::Awaitable<Next> try_endpoint(const routing::Pick& pick);
  net::Awaitable<Next> deliver();
  net::Awaitable<Next> after_failure(TryEnd end, std::string_view why);
  net::Awaitable<Verdict> verdict_on(const TryFacts& facts);
  net::Awaitable<void> answer_failure(TryEnd end);
  [[nodiscard]] Verdict verdict(const TryFacts& facts) const;
  [[nodiscard]] std::uint64_t in_flight() const;
  bool take_retry();
  bool means_elsewhere();
  void note_fault();
  void note_broken(std::string_view message, std::string_view why);

  ProxiedRequest request_;
  Chooser chooser_;
  PlaceFinder places_;
  Deaths deaths_;
  bool repeatable_ = false;
  std::optional<Attempt> attempt_;  // The one that runs.
  Seat seat_;                       // On its endpoint.
  std::optional<Place> moves_to_;   // From an endpoint that was found down.
};

}  // namespace olla::proxy
