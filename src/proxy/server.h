#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "config/config.h"
#include "fleet/snapshot.h"
#include "log/logger.h"
#include "net/listener.h"
#include "net/resolver.h"
#include "net/types.h"
#include "proxy/asker.h"
#include "proxy/discovery.h"
#include "proxy/prober.h"
#include "proxy/scraper.h"
#include "proxy/services.h"
#include "proxy/worker.h"

namespace olla::proxy {

/// The gateway: a listener and the health checks on the control thread, and worker threads that
/// serve connections.
///
/// All functions are called on the control thread, the one that runs `control`.
class Server : private Findings {
 public:
  /// All arguments must outlive the server.
  Server(net::asio::io_context& control, const config::Config& config, log::Logger& logger,
         Internal internal);
  /// Joins the threads; sessions that still run are cut. A look-up of a name that still runs is
  /// waited for.
  ~Server() override;

  /// Binds, starts the threads and the health checks. Returns the port.
  /// Errors: kRefused when the address cannot be bound.
  Result<std::uint16_t> start();

  /// Stops listening, lets running requests finish within server.shutdown_timeout, cuts what is
  /// left and calls `done`. A second call cuts at once.
  void stop(std::function<void()> done);

 private:
  void failed(EndpointId endpoint) override;
  void drains(EndpointId endpoint) override;
  void misses_route(EndpointId endpoint, const std::string& path) override;
  void models_in_doubt() override;
  void model_missed(ModelDiscovery::Done done) override;
  void refresh_models(ModelDiscovery::Done done) override;
  void set_drained(EndpointId endpoint, bool drained, std::function<void()> done) override;
  void publish();
  void publish_and_then(std::function<void()> done);
  void publish_soon();
  void sweep_later();
  void poll_drained();
  void finish();

  net::asio::io_context& control_;
  const config::Config& config_;
  log::Logger& logger_;
  Internal internal_;
  Shared shared_;
  net::Deadlines deadlines_;
  net::Resolver resolver_;
  fleet::Fleet fleet_;
  Asker asker_;
  ModelDiscovery discovery_;
  Prober prober_;
  Scraper scraper_;
  net::Listener listener_;
  net::asio::io_context background_{1};
  std::optional<net::asio::executor_work_guard<net::Executor>> background_work_;
  std::thread background_thread_;
  std::vector<std::unique_ptr<Worker>> workers_;
  net::Timer publish_timer_;
  bool publishes_soon_ = false;
  net::Timer sweep_timer_;
  net::Timer drain_timer_;
  TimePoint cut_at_ = TimePoint::max();
  bool cut_ = false;
  bool finished_ = false;
  std::function<void()> done_;
};

}  // namespace olla::proxy
