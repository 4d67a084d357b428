#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "config/config.h"
#include "fleet/health.h"
#include "fleet/snapshot.h"
#include "log/logger.h"
#include "net/deadlines.h"
#include "net/fetch.h"
#include "net/types.h"

namespace olla::proxy {

/// Asks every endpoint for its health at its check_interval, resolves its name on the way, and
/// reads its model list when it comes up and from time to time. Each endpoint has its own loop: one
/// that hangs delays no other.
///
/// Lives on the control thread, off the request path.
class Prober {
 public:
  /// Given a new snapshot whenever something changed.
  using Publish = std::function<void(std::shared_ptr<const fleet::Snapshot>)>;

  /// All arguments must outlive the prober.
  Prober(net::asio::io_context& io, net::Deadlines& deadlines, fleet::Fleet& fleet,
         log::Logger& logger, Publish publish);

  void start();
  /// Checks this endpoint now, unless it was checked a moment ago.
  void check_now(EndpointId endpoint);
  void stop();

 private:
  struct Watched {
    Watched(net::asio::io_context& io, const fleet::Endpoint& described);

    const fleet::Endpoint& endpoint;
    fleet::HealthMachine health;
    fleet::CheckSchedule schedule;
    net::Timer timer;
    TimePoint models_due{};  // The epoch: at once.
  };

  net::Awaitable<void> watch(Watched& watched);
  net::Awaitable<bool> check_health(Watched& watched);
  net::Awaitable<bool> read_models(Watched& watched);
  net::FetchRequest request_for(const Watched& watched, const std::string& url, Duration limit,
                                std::string_view user_agent) const;
  void log_change(const Watched& watched, fleet::Health before, std::string_view why);

  net::asio::io_context& io_;
  net::Deadlines& deadlines_;
  fleet::Fleet& fleet_;
  log::Logger& logger_;
  Publish publish_;
  std::vector<std::unique_ptr<Watched>> watched_;
  bool stopped_ = false;
};

}  // namespace olla::proxy
