#include "fleet/snapshot.h"

#include <algorithm>
#include <span>

#include "base/check.h"

namespace olla::fleet {

const char* to_string(Condition condition) {
  switch (condition) {
    case Condition::kReady:
      return "healthy";
    case Condition::kUnknown:
      return "unknown";
    case Condition::kUnhealthy:
      return "unhealthy";
    case Condition::kDraining:
      return "draining";
    case Condition::kAsleep:
      break;
  }
  return "asleep";
}

const char* to_string(Status status) {
  switch (status) {
    case Status::kHealthy:
      return "healthy";
    case Status::kBusy:
      return "busy";
    case Status::kWarming:
      return "warming";
    case Status::kOffline:
      return "offline";
    case Status::kUnhealthy:
      return "unhealthy";
    case Status::kConfigError:
      return "config_error";
    case Status::kRateLimited:
      return "rate_limited";
    case Status::kDraining:
      return "draining";
    case Status::kAsleep:
      return "asleep";
    case Status::kUnknown:
      break;
  }
  return "unknown";
}

Condition EndpointView::condition() const {
  if (health == Health::kUnhealthy) return Condition::kUnhealthy;
  if (draining || drained) return Condition::kDraining;
  if (health == Health::kUnknown) return Condition::kUnknown;
  if (figures && figures->state.asleep) return Condition::kAsleep;
  return Condition::kReady;
}

namespace {

EndpointRow row_of(const EndpointView& view) {
  const config::Endpoint& endpoint = view.endpoint->config;
  EndpointRow row{};
  row.profile = view.profile;
  row.live = view.live;
  row.max_concurrent = endpoint.max_concurrent;
  row.weight = endpoint.weight;
  row.priority = endpoint.priority;
  row.condition = view.condition();
  row.has_address = !view.addresses.empty();
  row.warms_up = view.back_since.has_value();
  row.misses_routes = view.missing_routes != nullptr;
  return row;
}

Status reason_of(Verdict failure) {
  switch (failure) {
    case Verdict::kConfigError:
      return Status::kConfigError;
    case Verdict::kRateLimited:
      return Status::kRateLimited;
    case Verdict::kOffline:
      return Status::kOffline;
    default:
      return Status::kUnhealthy;
  }
}

}  // namespace

Status EndpointView::status(TimePoint now) const {
  switch (condition()) {
    case Condition::kUnknown:
      return Status::kUnknown;
    case Condition::kUnhealthy:
      return reason_of(checks.last_failure);
    case Condition::kDraining:
      return Status::kDraining;
    case Condition::kAsleep:
      return Status::kAsleep;
    case Condition::kReady:
      break;
  }
  if (checks.last == Verdict::kBusy) return Status::kBusy;
  return share(now) < 1 ? Status::kWarming : Status::kHealthy;
}

double EndpointView::share(TimePoint now) const {
  const Duration slow_start = endpoint->config.health.slow_start;
  if (!back_since || now - *back_since >= slow_start) return 1;
  const auto passed = std::max(Duration::zero(), now - *back_since);
  return kShareMin + (1 - kShareMin) * std::chrono::duration<double>(passed) /
                         std::chrono::duration<double>(slow_start);
}

bool EndpointView::lacks_route(std::string_view path) const {
  return missing_routes &&
         std::find(missing_routes->begin(), missing_routes->end(), path) != missing_routes->end();
}

Fleet::Fleet(std::vector<config::Endpoint> configured,
             std::shared_ptr<const config::Profiles> profiles, const config::Breaker& breaker)
    : profiles_(std::move(profiles)) {
  now_.first_seen = std::make_shared<const vllm::FirstSeen>();
  endpoints_.reserve(configured.size());
  now_.endpoints.reserve(configured.size());
  for (config::Endpoint& endpoint : configured) {
    const auto index = static_cast<std::uint32_t>(endpoints_.size());
    endpoints_.push_back({EndpointId(index), std::move(endpoint)});
    EndpointView view;
    view.endpoint = &endpoints_.back();
    const config::Profile* profile = profiles_->of_type(view.endpoint->config.type);
    view.profile = profile == nullptr ? &profiles_->openai_compatible() : profile;
    view.live = &live_.emplace_back(breaker);
    now_.endpoints.push_back(std::move(view));
  }
}

std::shared_ptr<const Snapshot> Fleet::snapshot() const {
  if (!model_index_) {
    std::vector<std::shared_ptr<const Listing>> listings;
    listings.reserve(now_.endpoints.size());
    for (const EndpointView& view : now_.endpoints)
      listings.push_back(view.models);
    model_index_ = std::make_shared<const ModelIndex>(std::move(listings));
  }
  auto made = std::make_shared<Snapshot>(now_);
  made->rows.reserve(made->endpoints.size());
  for (const EndpointView& view : made->endpoints)
    made->rows.push_back(row_of(view));
  made->model_index = model_index_;
  return made;
}

bool Fleet::set_health(EndpointId id, Health health, TimePoint now) {
  EndpointView& changed = changeable(id);
  const Health before = std::exchange(changed.health, health);
  if (before == Health::kUnhealthy && health == Health::kHealthy) {
    changed.back_since = now;
    changed.live->breaker.reset();
  }
  return before != health;
}

bool Fleet::set_addresses(EndpointId id, std::vector<Address> addresses) {
  EndpointView& changed = changeable(id);
  if (changed.addresses == addresses) return false;
  changed.addresses = std::move(addresses);
  return true;
}

namespace {

/// Whether two lists offer the same. vLLM makes up new permissions for each answer.
bool offer_the_same(std::span<const vllm::ModelEntry> one,
                    std::span<const vllm::ModelEntry> other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](const vllm::ModelEntry& a, vllm::ModelEntry b) {
                      b.permission = a.permission;
                      return a == b;
                    });
}

}  // namespace

bool Fleet::set_models(EndpointId id, std::vector<vllm::ModelEntry> entries, std::int64_t now) {
  EndpointView& changed = changeable(id);
  if (changed.models && offer_the_same(changed.models->entries, entries)) return false;
  auto listing = std::make_shared<Listing>();
  listing->entries = std::move(entries);
  listing->ids.reserve(listing->entries.size());
  for (const vllm::ModelEntry& entry : listing->entries)
    listing->ids.push_back(entry.id);
  std::sort(listing->ids.begin(), listing->ids.end());
  note_first_seen(*listing, now);
  changed.models = std::move(listing);
  model_index_.reset();
  changed.missing_routes.reset();
  return true;
}

/// Models that no endpoint lists are remembered too, so that one that comes back keeps its date,
/// until there are as many of them as no fleet has.
void Fleet::note_first_seen(const Listing& listing, std::int64_t now) {
  constexpr std::size_t kFirstSeenMax = 100'000;
  vllm::FirstSeen seen = *now_.first_seen;
  if (seen.size() > kFirstSeenMax) seen.clear();
  for (const std::string& model : listing.ids)
    seen.emplace(model, now);
  if (seen.size() != now_.first_seen->size())
    now_.first_seen = std::make_shared<const vllm::FirstSeen>(std::move(seen));
}

bool Fleet::set_version(EndpointId id, std::string version) {
  EndpointView& changed = changeable(id);
  if (changed.vllm_version && changed.version == version) return false;
  changed.vllm_version = vllm::parse_version(version).value_or(vllm::kNewestVersion);
  changed.version = std::move(version);
  return true;
}

bool Fleet::set_refuses(EndpointId id, bool refuses) {
  return std::exchange(changeable(id).refuses, refuses) != refuses;
}

bool Fleet::set_draining(EndpointId id, bool draining) {
  return std::exchange(changeable(id).draining, draining) != draining;
}

bool Fleet::set_drained(EndpointId id, bool drained) {
  return std::exchange(changeable(id).drained, drained) != drained;
}

bool Fleet::add_missing_route(EndpointId id, const std::string& path) {
  EndpointView& changed = changeable(id);
  if (changed.lacks_route(path)) return false;
  std::vector<std::string> routes;
  if (changed.missing_routes) routes = *changed.missing_routes;
  if (routes.size() >= kMissingRoutesMax) routes.erase(routes.begin());
  routes.push_back(path);
  changed.missing_routes = std::make_shared<const std::vector<std::string>>(std::move(routes));
  return true;
}

void Fleet::forget_server(EndpointId id) {
  EndpointView& changed = changeable(id);
  changed.missing_routes.reset();
  changed.version.clear();
  changed.vllm_version.reset();
}

bool Fleet::set_figures(EndpointId id, std::shared_ptr<const Figures> figures) {
  EndpointView& changed = changeable(id);
  const Condition before = changed.condition();
  changed.figures = std::move(figures);
  return changed.condition() != before;
}

bool Fleet::set_profile(EndpointId id, const config::Profile& profile) {
  return std::exchange(changeable(id).profile, &profile) != &profile;
}

const Endpoint& Fleet::endpoint(EndpointId id) const {
  OLLA_CHECK(id.value() < endpoints_.size());
  return endpoints_[id.value()];
}

const EndpointView& Fleet::view(EndpointId id) const {
  OLLA_CHECK(id.value() < now_.endpoints.size());
  return now_.endpoints[id.value()];
}

EndpointView& Fleet::changeable(EndpointId id) {
  OLLA_CHECK(id.value() < now_.endpoints.size());
  return now_.endpoints[id.value()];
}

}  // namespace olla::fleet
