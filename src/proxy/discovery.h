#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "fleet/snapshot.h"
#include "log/logger.h"
#include "net/types.h"
#include "proxy/asker.h"
#include "proxy/refresh.h"
#include "proxy/slots.h"

namespace olla::proxy {

/// Reads the models and the version of every healthy endpoint: when it comes up, from time to time,
/// and when a list is in doubt or asked for. Each endpoint has a loop of its own: one that hangs
/// delays no other, and no health check. A list that cannot be read is tried again, sooner at
/// first, and never given up.
///
/// Lives on the control thread, off the request path, as all of its functions do.
class ModelDiscovery {
 public:
  struct Notices {
    std::function<void()> changed;     ///< The fleet has a new state to be published.
    std::function<void()> read_again;  ///< Only the time of a reading is new.
  };
  using Done = std::function<void(std::vector<ListReading>)>;

  /// All arguments must outlive the discovery.
  ModelDiscovery(Asker& asker, fleet::Fleet& fleet, const config::Config& config,
                 log::Logger& logger, Notices notices);

  void start();
  /// Ends all waiting; who waits for a refresh is told what is known.
  void stop();

  /// The endpoint came up, and may serve something else than before: reads its models at once.
  void read_now(EndpointId endpoint);

  /// Reads all model lists now, unless that was done a moment ago: they may be out of date. One
  /// that could not be read last time gets a longer rest.
  void read_all_now();
  static constexpr std::chrono::seconds kRequestedGap{1};
  static constexpr std::chrono::seconds kFailingGap{10};

  /// Reads all model lists now, unless that was done a moment ago, and calls `done` when it is
  /// over: later than this call, also when nothing is to be read, and after the new state was
  /// published.
  void refresh(Done done);

  /// The same for a request whose model nobody lists. It waits for no list that was read for such a
  /// request a moment ago (it is read again behind that moment), nor for one that could not be read
  /// last time or that hangs: endpoints without a list must not hold up what others are asked for.
  void refresh_missed(Done done);

  /// How long an endpoint that was never up may have any model: as long as a server may take to
  /// load a large one. Longer, and one that is gone for good would make each model that nobody has
  /// look like one to come.
  static constexpr std::chrono::minutes kMayComeUp{10};

  /// Reads the version of a vLLM server; true when it changed. A server that does not tell it
  /// counts as one that has none; one that does not answer until `end` keeps what it told, if it
  /// told something.
  net::Awaitable<bool> read_version(EndpointId id, TimePoint end);

 private:
  /// One call of refresh().
  struct Refresh {
    explicit Refresh(net::asio::io_context& io) : timer(io) {}

    net::Timer timer;
    std::vector<ListReading> readings;  // By endpoint.
    std::size_t left = 0;
    Done done;
  };

  struct Watched {
    Watched(net::asio::io_context& io, const fleet::Endpoint& described);

    const fleet::Endpoint& endpoint;
    net::Timer timer;
    Slots::Ticket ticket;
    TimePoint due{};          // The epoch: at once.
    TimePoint read{};         // When the last reading began.
    TimePoint missed{};       // When a request without its model last had it begin.
    bool miss_asked = false;  // The next reading is for one, and did not begin.
    bool failing = false;     // It could not be read last time.
    bool reading = false;
    TimePoint listed{};      // When the list was last read to its end.
    bool forgotten = false;  // Its models are, since it was down for so long.
    std::uint32_t failures = 0;
    std::vector<std::shared_ptr<Refresh>> asked;     // They wait for the next reading.
    std::vector<std::shared_ptr<Refresh>> told_now;  // They wait for the one that runs.
    Target list;
    Target version;  // Asked of type "vllm".
  };

  net::Awaitable<void> watch(Watched& watched);
  net::Awaitable<void> forget_stale();
  net::Awaitable<void> read(Watched& watched);
  net::Awaitable<Result<net::FetchResponse>> ask(Watched& watched, Target& target,
                                                 std::size_t max_body_bytes, TimePoint end);
  ListReading take_in(Watched& watched, const Result<net::FetchResponse>& answer);
  void note_result(Watched& watched, bool failed);
  ListReading failure(const Watched& watched, std::string_view detail, std::string reason);
  void read_at(Watched& watched, TimePoint when);
  void read_doubtful(Watched& watched);
  std::shared_ptr<Refresh> begin_refresh(Done done);
  void end_in_time(const std::shared_ptr<Refresh>& refresh);
  bool may_be_read(const Watched& watched) const;
  bool holds_up_miss(const Watched& watched, TimePoint now) const;
  bool is_stale(const Watched& watched, TimePoint now) const;
  void finish(Refresh& refresh);

  Asker& asker_;
  fleet::Fleet& fleet_;
  const config::ModelDiscovery& config_;
  const config::ModelRegistry& registry_;
  log::Logger& logger_;
  Notices notices_;
  Slots slots_;
  net::Timer cleanup_timer_;
  std::vector<std::unique_ptr<Watched>> watched_;
  std::vector<std::shared_ptr<Refresh>> refreshes_;  // Not told yet.
  TimePoint started_{};
  bool stopped_ = false;
};

}  // namespace olla::proxy
