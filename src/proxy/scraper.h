#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fleet/snapshot.h"
#include "log/logger.h"
#include "net/types.h"
#include "proxy/asker.h"

namespace olla::proxy {

/// Reads the metrics of every healthy vLLM endpoint, and what a GPU exporter beside it says, at
/// vllm.metrics_interval; kFailingTimes rarer while that fails. Each endpoint and
/// each exporter has a loop of its own: one that hangs delays no other.
///
/// Lives on the control thread, off the request path, as all of its functions do.
class Scraper {
 public:
  struct Notices {
    std::function<void()> figures_read;       ///< An endpoint has new figures.
    std::function<void()> changed;            ///< ... and by them another condition.
    std::function<void(EndpointId)> refused;  ///< Nobody listens on the endpoint's port.
  };

  static constexpr int kFailingTimes = 10;

  /// All arguments must outlive the scraper.
  Scraper(Asker& asker, fleet::Fleet& fleet, Duration interval, log::Logger& logger,
          Notices notices);

  void start();
  void stop();

  /// Reads this endpoint's metrics now: it came up.
  void read_now(EndpointId endpoint);

 private:
  struct Watched {
    Watched(net::asio::io_context& io, const fleet::Endpoint& described);

    const fleet::Endpoint& endpoint;
    net::Timer timer;
    TimePoint due{};  // The epoch: at once.
    Target metrics;
    std::optional<Target> gpu;
    net::Timer gpu_timer;
    std::string gpu_text;  // What the exporter said last.
    bool failing = false;
  };

  net::Awaitable<void> watch(Watched& watched);
  net::Awaitable<void> read(Watched& watched);
  net::Awaitable<void> watch_gpu(Watched& watched);
  net::Awaitable<void> read_gpu(Watched& watched);
  void note_failure(Watched& watched, std::string_view why);

  Asker& asker_;
  fleet::Fleet& fleet_;
  Duration interval_;
  log::Logger& logger_;
  Notices notices_;
  std::vector<std::unique_ptr<Watched>> watched_;
  bool stopped_ = false;
};

}  // namespace olla::proxy
