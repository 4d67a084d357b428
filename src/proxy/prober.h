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

namespace olla::proxy {

/// Asks every endpoint for its health at its check_interval, resolves its name on the way, and
/// reads its models and its version when it comes up and from time to time. Each endpoint has a
/// loop of its own for each of the two: an endpoint that hangs delays no other, and a model list
/// that hangs delays no check.
///
/// Lives on the control thread, off the request path, as all of its functions do.
class Prober {
 public:
  struct Notices {
    std::function<void()> changed;            ///< The fleet has a new state to be published.
    std::function<void(EndpointId)> came_up;  ///< An endpoint is healthy that was not.
  };

  /// All arguments must outlive the prober.
  Prober(Asker& asker, fleet::Fleet& fleet, log::Logger& logger, Notices notices);

  void start();
  void stop();

  /// Checks this endpoint now, unless it was checked a moment ago.
  void check_now(EndpointId endpoint);

  /// The endpoint said that it takes no new requests: it gets none until it was down, or, when it
  /// is never seen down, for kDraining.
  void note_draining(EndpointId endpoint);
  static constexpr std::chrono::seconds kDraining{30};

  /// The endpoint's server does not have this inference route.
  void note_missing_route(EndpointId endpoint, const std::string& path);

  /// Reads all model lists now, unless that was done a moment ago: they may be out of date.
  void read_models_now();
  static constexpr std::chrono::seconds kRequestedModelsGap{1};

 private:
  struct Watched {
    Watched(net::asio::io_context& io, const fleet::Endpoint& described);

    const fleet::Endpoint& endpoint;
    fleet::HealthMachine health;
    fleet::CheckSchedule schedule;
    net::Timer check_timer;
    net::Timer models_timer;
    TimePoint models_due{};   // The epoch: at once.
    TimePoint models_read{};  // When the last reading began.
    TimePoint draining_until{};
    Target own;  // Where requests go.
    Target health_check;
    Target model_list;
    Target version;  // Asked of type "vllm".
  };

  net::Awaitable<void> watch_health(Watched& watched);
  net::Awaitable<void> watch_models(Watched& watched);
  net::Awaitable<bool> check_health(Watched& watched);
  net::Awaitable<bool> read_models(Watched& watched);
  net::Awaitable<bool> read_version(Watched& watched, TimePoint end);
  bool note_check(Watched& watched, const Result<net::FetchResponse>& answer);
  bool note_drained(Watched& watched);
  bool note_models(Watched& watched, const Result<net::FetchResponse>& answer);
  void read_models_at(Watched& watched, TimePoint when);
  void log_change(const Watched& watched, fleet::Health before, std::string_view why);

  Asker& asker_;
  fleet::Fleet& fleet_;
  log::Logger& logger_;
  Notices notices_;
  std::vector<std::unique_ptr<Watched>> watched_;
  bool stopped_ = false;
};

}  // namespace olla::proxy
