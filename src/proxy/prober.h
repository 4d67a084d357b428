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
#include "net/resolver.h"
#include "net/types.h"

namespace olla::proxy {

/// Asks every endpoint for its health at its check_interval, resolves its name on the way, and
/// reads its model list when it comes up and from time to time. Each endpoint has a loop of its own
/// for each of the two: an endpoint that hangs delays no other, and a model list that hangs delays
/// no check.
///
/// Lives on the control thread, off the request path.
class Prober {
 public:
  /// Given a new snapshot whenever something changed.
  using Publish = std::function<void(std::shared_ptr<const fleet::Snapshot>)>;

  /// All arguments must outlive the prober.
  Prober(net::asio::io_context& io, net::Deadlines& deadlines, net::Resolver& resolver,
         fleet::Fleet& fleet, log::Logger& logger, Publish publish);

  void start();
  /// Checks this endpoint now, unless it was checked a moment ago.
  void check_now(EndpointId endpoint);
  void stop();

 private:
  /// A host and port that is connected to.
  struct Target {
    config::Url url;
    std::vector<fleet::Address> addresses;  ///< Last known; empty: never found.
  };

  struct Watched {
    Watched(net::asio::io_context& io, const fleet::Endpoint& described);

    const fleet::Endpoint& endpoint;
    fleet::HealthMachine health;
    fleet::CheckSchedule schedule;
    net::Timer check_timer;
    net::Timer models_timer;
    TimePoint models_due{};  // The epoch: at once.
    Target own;              // Where requests go.
    Target health_check;
    Target model_list;
  };

  net::Awaitable<void> watch_health(Watched& watched);
  net::Awaitable<void> watch_models(Watched& watched);
  net::Awaitable<bool> check_health(Watched& watched);
  net::Awaitable<bool> read_models(Watched& watched);
  net::Awaitable<Result<void>> find(Target& target, TimePoint end);
  net::Awaitable<Result<void>> find_beside(const Target& own, Target& target, TimePoint end);
  net::Awaitable<Result<net::FetchResponse>> ask(const Watched& watched, const Target& target,
                                                 net::FetchRequest request, TimePoint end);
  bool note_check(Watched& watched, const Result<net::FetchResponse>& answer);
  bool note_models(Watched& watched, const Result<net::FetchResponse>& answer);
  void log_change(const Watched& watched, fleet::Health before, std::string_view why);

  net::asio::io_context& io_;
  net::Deadlines& deadlines_;
  net::Resolver& resolver_;
  fleet::Fleet& fleet_;
  log::Logger& logger_;
  Publish publish_;
  std::vector<std::unique_ptr<Watched>> watched_;
  bool stopped_ = false;
};

}  // namespace olla::proxy
