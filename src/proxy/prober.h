#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "fleet/health.h"
#include "fleet/snapshot.h"
#include "log/logger.h"
#include "net/types.h"
#include "proxy/asker.h"
#include "proxy/detector.h"
#include "proxy/discovery.h"

namespace olla::proxy {

/// Asks every endpoint for its health at its check_interval and resolves its name on the way. Each
/// endpoint has a loop of its own: one that hangs delays no other.
///
/// Lives on the control thread, off the request path, as all of its functions do.
class Prober {
 public:
  struct Notices {
    std::function<void()> changed;            ///< The fleet has a new state to be published.
    std::function<void()> checked;            ///< What is new is of interest to documents alone.
    std::function<void(EndpointId)> came_up;  ///< An endpoint is healthy that was not.
  };

  /// All arguments must outlive the prober.
  Prober(Asker& asker, fleet::Fleet& fleet, ModelDiscovery& discovery, log::Logger& logger,
         Notices notices);

  void start();
  void stop();

  /// Checks this endpoint now, unless it was checked a moment ago.
  void check_now(EndpointId endpoint);

  /// The endpoint said that it takes no new requests: it gets none until it was down, or, when it
  /// is never seen down, for kDraining.
  void note_draining(EndpointId endpoint);
  static constexpr std::chrono::seconds kDraining{30};

  /// The operator takes the endpoint out of service, or back into it. Publishing is the caller's.
  void set_drained(EndpointId endpoint, bool drained);

  /// The endpoint's server does not have this inference route.
  void note_missing_route(EndpointId endpoint, const std::string& path);

 private:
  struct Watched {
    Watched(net::asio::io_context& io, const fleet::Endpoint& described);

    const fleet::Endpoint& endpoint;
    fleet::HealthMachine health;
    fleet::CheckSchedule schedule;
    net::Timer timer;
    fleet::CheckReport report;
    TimePoint draining_until{};
    Target own;  // Where requests go.
    Target health_check;
    /// Of an endpoint whose type is found out: when to do that. The epoch: at the next check.
    TimePoint detection_due{};
  };

  net::Awaitable<void> watch(Watched& watched);
  net::Awaitable<bool> check_health(Watched& watched);
  net::Awaitable<bool> detect(Watched& watched);
  net::Awaitable<Result<net::FetchResponse>> ask_health(const Watched& watched, TimePoint end);
  bool note_check(Watched& watched, const Result<net::FetchResponse>& answer, Duration taken);
  void report(Watched& watched);
  bool note_drained(Watched& watched);
  void log_change(const Watched& watched, fleet::Health before, std::string_view why);

  Asker& asker_;
  fleet::Fleet& fleet_;
  ModelDiscovery& discovery_;
  Detector detector_;
  log::Logger& logger_;
  Notices notices_;
  std::vector<std::unique_ptr<Watched>> watched_;
  bool stopped_ = false;
};

}  // namespace olla::proxy
