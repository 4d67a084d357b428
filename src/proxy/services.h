#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/moment.h"
#include "base/random.h"
#include "config/config.h"
#include "fleet/response_owners.h"
#include "fleet/snapshot.h"
#include "http/head.h"
#include "limits/gate.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/deadlines.h"
#include "net/pool.h"
#include "net/server_connection.h"
#include "net/types.h"
#include "proxy/catalogues.h"
#include "proxy/metrics_pages.h"
#include "proxy/refresh.h"
#include "proxy/retry_budget.h"
#include "proxy/wait_queue.h"
#include "routing/sticky_sessions.h"
#include "routing/turns.h"

namespace olla::proxy {

/// An answer of the gateway itself, without the fields that every answer has.
struct OwnAnswer {
  int status = 200;
  std::string body;               ///< JSON, unless `content_type` says otherwise.
  std::string extra_fields = {};  ///< Complete field lines, each with its CRLF.
  std::string_view content_type = "application/json";  ///< A literal.
  /// When set, the body in place of `body`: a large one that several answers share.
  std::shared_ptr<const std::string> shared_body = nullptr;
  std::string_view code = {};  ///< Of an error: the word in its `error.code`, a literal.
  /// An error of Anthropic's API, whose clients look for the request's id in it.
  bool tells_request_id = false;
};

struct Services;

/// A request for what may be one of the gateway's own paths. Everything that it points to lives
/// until it is answered.
struct InternalRequest {
  const http::RequestHead& head;
  std::string_view path;    ///< As the client wrote it, without the query.
  std::string_view target;  ///< With the query.
  std::string_view body;    ///< Read to its end.
  std::string_view client;  ///< The address of the peer, without port.
};

/// Answers the paths that are the gateway's own (/internal/*, /version); nullopt: not one of them.
/// Called on the thread of the services, which outlive the awaitable.
using Internal = std::function<net::Awaitable<std::optional<OwnAnswer>>(Services& services,
                                                                        InternalRequest request)>;

/// Told what requests find out about the fleet. Called on every thread; must not block.
class Findings {
 public:
  virtual ~Findings() = default;
  /// A request could not reach the endpoint, or it broke off: its health is checked now and not at
  /// the next interval.
  virtual void failed(EndpointId endpoint) = 0;
  /// The endpoint said that it takes no new requests.
  virtual void drains(EndpointId endpoint) = 0;
  /// The endpoint's server does not have this inference route.
  virtual void misses_route(EndpointId endpoint, const std::string& path) = 0;
  /// The model lists may be out of date: a request asked for a model that none has, or changed one.
  virtual void models_in_doubt() = 0;
  /// A request waits for the lists, since none has its model. `done` is called on another thread
  /// when those are read anew that can be for now: see ModelDiscovery::refresh_missed().
  virtual void model_missed(std::function<void(std::vector<ListReading>)> done) = 0;
  /// Somebody wants all model lists read anew. `done` is called on another thread when that is
  /// over, or when it takes too long.
  virtual void refresh_models(std::function<void(std::vector<ListReading>)> done) = 0;
  /// The operator takes the endpoint out of service, or back into it. `done` is called, on any
  /// thread and while all run, when no thread chooses endpoints by the old state any more; never
  /// when the gateway ends before.
  virtual void set_drained(EndpointId endpoint, bool drained, std::function<void()> done) = 0;
};

/// What all threads share.
struct Shared {
  explicit Shared(const config::Config& config)
      : sticky_sessions(config.proxy.sticky_sessions), gate(config, system_seed()) {}

  const Moment started = Moment::present();
  routing::Turns turns;
  routing::StickySessions sticky_sessions;  ///< Empty while they are not enabled.
  fleet::ResponseOwners response_owners;
  limits::Gate gate;
  MetricsPages metrics_pages;  ///< Of the background thread.
  Catalogues catalogues;       ///< Of the background thread.
  RetryBudget retry_budget;
  WaitQueue queue;
  QueueCounters queue_counters;
  metrics::Registry metrics;  ///< What the threads count of their requests.
};

/// Told on its thread that Services::snapshot is another one. Must not end another listener's
/// listening within the call.
class SnapshotListener : public boost::intrusive::list_base_hook<
                             boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual ~SnapshotListener() = default;
  virtual void on_snapshot() = 0;
};

/// What one thread works with. Belongs to that thread; outlives its sessions.
struct Services {
  net::asio::io_context& io;
  const config::Config& config;
  log::Logger& logger;
  const Internal& internal;
  Findings& findings;
  Shared& shared;
  /// The background thread's, where work is done that would hold up the streams of this one.
  net::asio::io_context& background;
  net::ConnectionRules connection_rules;
  net::Deadlines deadlines;
  net::Pool pool;
  Random random;
  metrics::Recorder& recorder;  ///< Of this thread, in `shared`.
  /// The fleet as last published; replaced by publish().
  std::shared_ptr<const fleet::Snapshot> snapshot;
  /// Memory for the head of the next request: nearly all are written out as soon as they are made.
  std::string spare_head = {};
  /// Until then a request whose model nobody lists takes the model lists as they are.
  TimePoint lists_fresh_until = {};
  /// Until then nobody on this thread says again that they may be out of date.
  TimePoint lists_doubted_until = {};
  /// Requests that wait for an endpoint's answer.
  boost::intrusive::list<SnapshotListener, boost::intrusive::constant_time_size<false>>
      snapshot_listeners = {};

  /// Replaces the snapshot, and tells those who wait for what it may say. On this thread.
  void publish(std::shared_ptr<const fleet::Snapshot> next);
};

}  // namespace olla::proxy
