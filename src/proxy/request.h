#pragma once

#include "log/access.h"
#include "net/server_connection.h"
#include "openai/request.h"
#include "proxy/admission.h"
#include "proxy/chooser.h"
#include "proxy/services.h"

namespace olla::proxy {

/// One client's request on its way to an endpoint: what all tries of it share. Belongs to its
/// exchange, on one thread.
struct ProxiedRequest {
  Services& services;
  net::ServerConnection& client;
  Destination destination;
  log::AccessEntry& entry;
  const Caller& caller;
  openai::RequestFacts facts = {};
  /// When all of it was there.
  TimePoint came = Clock::now();
  /// Whether the client's connection may carry another request.
  bool keep_client = true;
  /// The answer has to begin until then.
  TimePoint deadline = TimePoint::max();
  /// An interim answer of an endpoint went to the client: no other endpoint may answer now.
  bool interim_sent = false;
  /// Of the exchange; how it chose is told in every answer.
  const Chooser* chooser = nullptr;
};

}  // namespace olla::proxy
