#include "app/gateway.h"

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <system_error>
#include <thread>

#include "admin/internal.h"
#include "proxy/server.h"

namespace olla::app {
namespace {

/// Stops the server at the first signal and hurries it at the second.
class SignalHandler {
 public:
  SignalHandler(boost::asio::io_context& io, proxy::Server& server, log::Logger& logger,
                const std::function<void()>& on_stopped)
      : signals_(io, SIGINT, SIGTERM), server_(server), logger_(logger), on_stopped_(on_stopped) {
    wait();
  }

 private:
  void wait() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      logger_.info("stopping", {{"signal", std::int64_t{signal}}});
      server_.stop([this] {
        logger_.info("stopped");
        stopped_ = true;
        on_stopped_();
        signals_.cancel();
      });
      if (!stopped_) wait();  // For the second one.
    });
  }

  boost::asio::signal_set signals_;
  proxy::Server& server_;
  log::Logger& logger_;
  const std::function<void()>& on_stopped_;
  bool stopped_ = false;
};

}  // namespace

int run_gateway(const config::Config& config, log::Logger& logger,
                const std::function<void(std::uint16_t)>& on_listening,
                const std::function<void()>& on_stopped) {
  raise_file_limit();
  boost::asio::io_context control(1);
  proxy::Server server(control, config, logger, admin::answer_internal);
  SignalHandler signals(control, server, logger, on_stopped);
  const auto port = server.start();
  if (!port) {
    logger.error("cannot listen", {{"error", port.error().detail}});
    return 1;
  }
  logger.info("listening", {{"host", config.server.host},
                            {"port", std::int64_t{*port}},
                            {"endpoints", static_cast<std::int64_t>(config.endpoints.size())}});
  on_listening(*port);
  control.run();
  return 0;
}

void exit_soon() {
  // A thread and not an alarm: a signal may be delivered to a thread that cannot take it just now.
  try {
    std::thread([] {
      ::poll(nullptr, 0, /*timeout in ms=*/500);
      _exit(0);
    }).detach();
  } catch (const std::system_error&) {
    // Without a thread to spare the end takes as long as it takes.
  }
}

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace olla::app
