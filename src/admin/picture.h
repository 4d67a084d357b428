#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/format.h"
#include "base/moment.h"
#include "config/config.h"
#include "fleet/snapshot.h"
#include "metrics/totals.h"
#include "routing/sticky_sessions.h"

namespace olla::admin {

/// What limits and policies refused since the start.
struct Refusals {
  std::uint64_t rate = 0;     ///< Requests over a rate limit.
  std::uint64_t size = 0;     ///< Requests whose head or body was too large.
  std::uint64_t access = 0;   ///< Requests for the gateway's own documents from elsewhere.
  std::uint64_t clients = 0;  ///< Clients that were over a rate limit in the last hour.
};

/// Requests that wait for an endpoint, and tries that were too many.
struct Waiting {
  std::uint64_t now = 0;
  // Since the start:
  std::uint64_t queued = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t refused = 0;          ///< The queue was full.
  std::uint64_t retries_refused = 0;  ///< The retry budget was used up.
};

/// One endpoint at that moment.
struct EndpointPicture {
  const fleet::EndpointView* view = nullptr;
  std::string id;           ///< Of its URL; see endpoint_ids().
  std::string_view status;  ///< See fleet::to_string(fleet::Status).
  bool healthy = false;     ///< Up, and takes requests.
  bool routable = false;    ///< The same, and its breaker lets requests in.
  fleet::Breaker::Report breaker;
  std::uint32_t connections = 0;  ///< Requests in flight.
  std::size_t models = 0;
  metrics::Tally tally;

  [[nodiscard]] const config::Endpoint& config() const { return view->endpoint->config; }
};

enum class SystemStatus : std::uint8_t { kCritical, kDegraded, kHealthy };

/// Everything that the status documents and the metrics say, at one moment.
struct Picture {
  const config::Config* config = nullptr;
  std::shared_ptr<const fleet::Snapshot> snapshot;
  metrics::Totals totals;
  Moment now;
  Moment started;
  Refusals refusals;
  Waiting waiting;
  routing::StickySessions::Report sticky;

  std::vector<EndpointPicture> endpoints;  ///< In the order of the config.
  metrics::Tally all;                      ///< Of all endpoints.
  std::size_t healthy = 0;                 ///< Endpoints.
  std::size_t routable = 0;                ///< Endpoints.
  std::uint64_t connections = 0;

  [[nodiscard]] SystemStatus status() const;
  [[nodiscard]] bool is_elevated() const;
};

/// Where a picture is taken of.
struct Scene {
  const config::Config* config = nullptr;
  std::shared_ptr<const fleet::Snapshot> snapshot;
  metrics::Totals totals;
  Moment now;
  Moment started;
  Refusals refusals = {};
  Waiting waiting = {};
  routing::StickySessions::Report sticky = {};
};

Picture take_picture(Scene scene);

/// "healthy", "degraded", "critical".
std::string_view to_string(SystemStatus status);

/// The policy's name in the config.
std::string_view to_string(config::LoadBalancer balancer);

}  // namespace olla::admin
