#pragma once

#include <boost/intrusive/list.hpp>
#include <memory>
#include <string>

#include "log/access.h"
#include "net/server_connection.h"
#include "proxy/admission.h"
#include "proxy/exchange.h"
#include "proxy/services.h"

namespace olla::proxy {

/// One client connection, from accept to close: its requests one after the other, routed to the
/// fleet or answered here, each with an access line.
///
/// Lives on its thread, in that thread's list of sessions for as long as run() does.
class Session : public boost::intrusive::list_base_hook<
                    boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  Session(Services& services, net::Socket socket);

  /// Serves the connection to its end. The session must outlive the awaitable.
  net::Awaitable<void> run();

  /// No request after the current one; an idle connection is closed at once.
  void drain() { client_->drain(); }
  /// Ends it now, also in mid-answer.
  void cut();

 private:
  net::Awaitable<bool> serve_request();
  net::Awaitable<bool> route_request(log::AccessEntry& entry);
  [[nodiscard]] std::optional<OwnAnswer> answer_by_rules(const Destination& destination) const;
  [[nodiscard]] bool is_admin_route(std::string_view path) const;
  net::Awaitable<OwnAnswer> answer_of_path(std::string_view target);
  net::Awaitable<bool> answer_here(OwnAnswer own, log::AccessEntry& entry, bool may_keep = true);
  net::Awaitable<void> refuse();
  log::AccessEntry begin_entry();
  void end_entry(log::AccessEntry& entry);

  Services& services_;
  std::shared_ptr<net::ServerConnection> client_;
  const limits::ClientAddress peer_;
  Caller caller_;                 // Of the current request.
  Exchange* exchange_ = nullptr;  // The one that runs, if any.
};

}  // namespace olla::proxy
