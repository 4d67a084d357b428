#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/intrusive/list.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "net/listener.h"
#include "proxy/services.h"
#include "proxy/session.h"

namespace olla::proxy {

/// One thread with its own io_context, upstream pool and sessions. A connection stays on the worker
/// that got it.
class Worker : public net::ConnectionSink {
 public:
  /// What workers have in common; all of it must outlive them.
  struct Context {
    const config::Config& config;
    log::Logger& logger;
    const Internal& internal;
    Findings& findings;
    Shared& shared;
    net::asio::io_context& background;
  };

  Worker(const Context& context, std::shared_ptr<const fleet::Snapshot> snapshot);
  /// Cuts what still runs and joins the thread.
  ~Worker() override;  // NOLINT(bugprone-exception-escape): see there.

  void start();
  net::asio::io_context& io() override { return io_; }
  /// Connections given to this worker and not ended yet. Any thread.
  [[nodiscard]] std::size_t connections() const {
    return connections_.load(std::memory_order_relaxed);
  }

  /// Serves a connection whose socket lives on io(). Any thread.
  void serve(net::Socket socket) override;
  /// Replaces the fleet's snapshot, and then calls `done`, when there is one, on the worker's
  /// thread. Any thread.
  void publish(std::shared_ptr<const fleet::Snapshot> snapshot, std::function<void()> done = {});
  /// No further requests on the open connections. Any thread.
  void drain();
  /// Ends every connection now. Any thread.
  void cut();

 private:
  using Sessions = boost::intrusive::list<Session, boost::intrusive::constant_time_size<false>>;

  void begin(net::Socket socket);
  static net::Awaitable<void> run_session(std::unique_ptr<Session> session);

  net::asio::io_context io_{1};
  Services services_;
  Sessions sessions_;
  bool draining_ = false;
  std::atomic<std::size_t> connections_{0};
  std::optional<net::asio::executor_work_guard<net::Executor>> work_;
  std::thread thread_;
};

}  // namespace olla::proxy
