#include "admin/picture.h"

namespace olla::admin {
namespace {

// Olla's thresholds, in percent.
constexpr double kHealthySuccess = 95;
constexpr double kDegradedSuccess = 90;
constexpr double kHealthyShare = 80;
constexpr double kDegradedShare = 50;

// Over these somebody is at work.
constexpr std::uint64_t kViolationsNormal = 100;
constexpr std::uint64_t kClientsNormal = 10;

}  // namespace

SystemStatus Picture::status() const {
  if (endpoints.empty()) return SystemStatus::kCritical;
  const double share = 100 * static_cast<double>(healthy) / static_cast<double>(endpoints.size());
  // Without traffic the endpoints alone tell.
  const double success = totals.requests == 0 ? 100 : totals.success_percent();
  if (share < kDegradedShare || success < kDegradedSuccess) return SystemStatus::kCritical;
  if (share < kHealthyShare || success < kHealthySuccess) return SystemStatus::kDegraded;
  return SystemStatus::kHealthy;
}

bool Picture::is_elevated() const {
  return refusals.rate + refusals.size > kViolationsNormal || refusals.clients > kClientsNormal;
}

Picture take_picture(Scene scene) {
  Picture picture;
  picture.config = scene.config;
  picture.snapshot = std::move(scene.snapshot);
  picture.totals = std::move(scene.totals);
  picture.now = scene.now;
  picture.started = scene.started;
  picture.refusals = scene.refusals;
  picture.waiting = scene.waiting;
  picture.sticky = scene.sticky;
  const auto& views = picture.snapshot->endpoints;
  std::vector<NamedUrl> urls;
  urls.reserve(views.size());
  for (const fleet::EndpointView& view : views)
    urls.push_back({view.endpoint->config.name, view.endpoint->config.url});
  std::vector<std::string> ids = endpoint_ids(urls);
  std::vector<metrics::Tally> tallies = picture.totals.by_endpoint(views.size());
  for (std::size_t i = 0; i < views.size(); ++i) {
    EndpointPicture& endpoint = picture.endpoints.emplace_back();
    endpoint.view = &views[i];
    endpoint.id = std::move(ids[i]);
    endpoint.status = fleet::to_string(views[i].status(picture.now.steady));
    endpoint.healthy = views[i].condition() == fleet::Condition::kReady;
    endpoint.routable = endpoint.healthy && views[i].live->breaker.admits(picture.now.steady);
    endpoint.breaker = views[i].live->breaker.report(picture.now.steady);
    endpoint.connections = views[i].live->in_flight.load(std::memory_order_relaxed);
    if (views[i].models) endpoint.models = views[i].models->ids.size();
    endpoint.tally = std::move(tallies[i]);
    picture.all.add(endpoint.tally);
    picture.connections += endpoint.connections;
    if (endpoint.healthy) ++picture.healthy;
    if (endpoint.routable) ++picture.routable;
  }
  return picture;
}

std::string_view to_string(SystemStatus status) {
  switch (status) {
    case SystemStatus::kHealthy:
      return "healthy";
    case SystemStatus::kDegraded:
      return "degraded";
    default:
      return "critical";
  }
}

std::string_view to_string(config::LoadBalancer balancer) {
  switch (balancer) {
    case config::LoadBalancer::kPriority:
      return "priority";
    case config::LoadBalancer::kRoundRobin:
      return "round-robin";
    case config::LoadBalancer::kRandom:
      return "random";
    case config::LoadBalancer::kPowerOfTwo:
      return "power-of-two";
    default:
      return "least-connections";
  }
}

}  // namespace olla::admin
