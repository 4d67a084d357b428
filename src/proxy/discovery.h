#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "fleet/snapshot.h"
#include "log/logger.h"
#include "net/types.h"
#include "proxy/asker.h"

namespace olla::proxy {

/// Reads the models and the version of every healthy endpoint: when it comes up, from time to time,
/// and when a list is in doubt. Each endpoint has a loop of its own: one that hangs delays no
/// other, and no health check.
///
/// Lives on the control thread, off the request path, as all of its functions do.
class ModelDiscovery {
 public:
  /// All arguments must outlive the discovery. `changed` is called when the fleet has a new state
  /// to be published.
  ModelDiscovery(Asker& asker, fleet::Fleet& fleet, log::Logger& logger,
                 std::function<void()> changed);

  void start();
  void stop();

  /// The endpoint came up, and may serve something else than before: reads its models at once.
  void read_now(EndpointId endpoint);

  /// Reads all model lists now, unless that was done a moment ago: they may be out of date.
  void read_all_now();
  static constexpr std::chrono::seconds kRequestedGap{1};

  /// Reads the version of a vLLM server; true when it changed. A server that does not tell it
  /// counts as one that has none; one that does not answer until `end` keeps what it told, if it
  /// told something.
  net::Awaitable<bool> read_version(EndpointId endpoint, TimePoint end);

 private:
  struct Watched {
    Watched(net::asio::io_context& io, const fleet::Endpoint& described);

    const fleet::Endpoint& endpoint;
    net::Timer timer;
    TimePoint due{};   // The epoch: at once.
    TimePoint read{};  // When the last reading began.
    Target list;
    Target version;  // Asked of type "vllm".
  };

  net::Awaitable<void> watch(Watched& watched);
  net::Awaitable<bool> read_models(Watched& watched);
  net::Awaitable<Result<net::FetchResponse>> ask(Watched& watched, Target& target,
                                                 std::size_t max_body_bytes, TimePoint end);
  bool note_models(Watched& watched, const Result<net::FetchResponse>& answer);
  void read_at(Watched& watched, TimePoint when);

  Asker& asker_;
  fleet::Fleet& fleet_;
  log::Logger& logger_;
  std::function<void()> changed_;
  std::vector<std::unique_ptr<Watched>> watched_;
  bool stopped_ = false;
};

}  // namespace olla::proxy
