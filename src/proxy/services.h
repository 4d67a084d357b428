#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "config/config.h"
#include "fleet/snapshot.h"
#include "http/head.h"
#include "log/logger.h"
#include "net/deadlines.h"
#include "net/pool.h"
#include "net/server_connection.h"
#include "net/types.h"

namespace olla::proxy {

/// An answer of the gateway itself, without the fields that every answer has.
struct OwnAnswer {
  int status = 200;
  std::string body;  ///< JSON.
  std::string extra_fields;
};

/// Answers the paths that are the gateway's own (/internal/*, /version); nullopt: not one of them.
/// Called on every thread; must not block.
using Internal =
    std::function<std::optional<OwnAnswer>(std::string_view method, std::string_view path)>;

/// Told that a request could not reach an endpoint, so that its health is checked now and not at
/// the next interval. Called on every thread; must not block.
using Suspect = std::function<void(EndpointId)>;

/// What one thread works with. Belongs to that thread; outlives its sessions.
struct Services {
  net::asio::io_context& io;
  const config::Config& config;
  log::Logger& logger;
  const Internal& internal;
  const Suspect& suspect;
  net::ConnectionRules connection_rules;
  net::Deadlines deadlines;
  net::Pool pool;
  Random random;
  /// The fleet as last published; replaced by a task on this thread.
  std::shared_ptr<const fleet::Snapshot> snapshot;
  std::uint32_t turn = 0;  ///< Counts picks, so that ties go in turn.
};

}  // namespace olla::proxy
