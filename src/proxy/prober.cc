#include "proxy/prober.h"

#include <algorithm>
#include <exception>

#include "config/url.h"
#include "http/retry_after.h"
#include "net/spawn.h"

namespace olla::proxy {
namespace {

constexpr std::size_t kMaxHealthBytes = 1024 * 1024;

// How long a server that is up may keep its version to itself before it gets requests without.
constexpr std::chrono::seconds kFirstVersionTimeout{5};

// How long a server may take to tell what it is: six short answers at most.
constexpr std::chrono::seconds kDetectionTimeout{5};

// Until one that told nothing of itself is asked again.
constexpr std::chrono::seconds kDetectionPause{30};

constexpr std::string_view kHealthAgent = "olla-HealthChecker/v" OLLA_VERSION;

// How long an endpoint is left alone that says 429, when it does not say for how long, and at most:
// a wrong clock shall not lose it for a day.
constexpr std::chrono::seconds kRateLimitedPause{30};
constexpr std::chrono::minutes kRateLimitedPauseMax{10};

std::chrono::seconds asked_pause(const net::FetchResponse& answer) {
  const auto asked = http::parse_retry_after(answer.retry_after, std::chrono::system_clock::now());
  return std::min<std::chrono::seconds>(asked.value_or(kRateLimitedPause), kRateLimitedPauseMax);
}

// Of one check. One that has a slash put behind its path needs one.
constexpr int kRedirectsMax = 5;

/// Where a redirect goes on the same server; nullopt: it is none, or leads elsewhere, where the
/// endpoint's credentials have no business.
std::optional<std::string> redirected_to(const config::Url& from,
                                         const net::FetchResponse& answer) {
  const int status = answer.status;
  if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
    return std::nullopt;
  const bool is_path = answer.location.starts_with('/') && !answer.location.starts_with("//");
  const auto to =
      config::parse_url(is_path ? "http://" + from.authority() + answer.location : answer.location);
  if (!to || to->host != from.host || to->port != from.port) return std::nullopt;
  return to->path;
}

fleet::Verdict verdict_of(const Result<net::FetchResponse>& answer, Duration taken) {
  if (answer) return fleet::verdict_of(answer->status, taken);
  const Errc why = answer.error().code;
  const bool spoke = why == Errc::kMalformed || why == Errc::kTooLarge;
  return spoke ? fleet::Verdict::kUnhealthy : fleet::Verdict::kOffline;
}

}  // namespace

Prober::Watched::Watched(net::asio::io_context& io, const fleet::Endpoint& described)
    : endpoint(described),
      health(described.config.health),
      schedule(described.config.check_interval, Clock::now(), Random(system_seed())),
      timer(io),
      own{described.config.address},
      health_check(target_of(described.config, described.config.health_check_url)) {}

Prober::Prober(Asker& asker, fleet::Fleet& fleet, ModelDiscovery& discovery, log::Logger& logger,
               Notices notices)
    : asker_(asker),
      fleet_(fleet),
      discovery_(discovery),
      detector_(asker, fleet, logger),
      logger_(logger),
      notices_(std::move(notices)) {}

void Prober::start() {
  for (std::size_t i = 0; i < fleet_.size(); ++i) {
    const auto id = EndpointId(static_cast<std::uint32_t>(i));
    watched_.push_back(std::make_unique<Watched>(asker_.io(), fleet_.endpoint(id)));
  }
  const auto rethrow = [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  };
  for (const auto& watched : watched_)
    net::spawn(asker_.io(), watch(*watched), rethrow);
}

void Prober::check_now(EndpointId endpoint) {
  if (stopped_) return;
  Watched& watched = *watched_[endpoint.value()];
  watched.schedule.request_now(Clock::now());
  watched.timer.cancel();  // The loop looks at the schedule again.
}

void Prober::note_draining(EndpointId endpoint) {
  if (stopped_) return;
  Watched& watched = *watched_[endpoint.value()];
  watched.draining_until = Clock::now() + kDraining;
  if (!fleet_.set_draining(endpoint, true)) return;
  logger_.warn("endpoint drains", {{"endpoint", watched.endpoint.config.name}});
  notices_.changed();
}

void Prober::set_drained(EndpointId endpoint, bool drained) {
  if (!fleet_.set_drained(endpoint, drained)) return;
  logger_.info(drained ? "endpoint is drained" : "endpoint is no longer drained",
               {{"endpoint", fleet_.endpoint(endpoint).config.name}});
}

void Prober::note_missing_route(EndpointId endpoint, const std::string& path) {
  if (stopped_ || !fleet_.add_missing_route(endpoint, path)) return;
  logger_.info("endpoint has no such route",
               {{"endpoint", fleet_.endpoint(endpoint).config.name}, {"path", path}});
  notices_.changed();
}

void Prober::stop() {
  stopped_ = true;
  for (const auto& watched : watched_)
    watched->timer.cancel();
}

net::Awaitable<void> Prober::watch(Watched& watched) {
  while (!stopped_) {
    const TimePoint due = watched.schedule.due().value_or(Clock::now());
    if (due > Clock::now()) {
      watched.timer.expires_at(due);
      co_await watched.timer.async_wait(net::kAwait);
      continue;  // Woken by the time, by check_now() or by stop(): look again.
    }
    watched.schedule.started(Clock::now());
    bool detected = false;
    if (watched.endpoint.config.detects_type && watched.detection_due <= Clock::now())
      detected = co_await detect(watched);
    if (stopped_) co_return;
    const bool turned = co_await check_health(watched);
    const bool changed = turned || detected;
    watched.schedule.finished();
    if (stopped_) co_return;
    report(watched);
    if (changed) {
      notices_.changed();
    } else {
      notices_.checked();
    }
  }
}

/// Finds out what kind of server an endpoint is that may be any, and where its health is asked
/// then. True when that is something new.
net::Awaitable<bool> Prober::detect(Watched& watched) {
  const EndpointId id = watched.endpoint.id;
  const config::Profile* before = fleet_.view(id).profile;
  Duration limit = kDetectionTimeout;
  // One that is down and silent shall be asked for its health soon: it is back within an interval.
  if (fleet_.view(id).health == fleet::Health::kUnhealthy)
    limit = std::min<Duration>(limit, watched.endpoint.config.check_timeout);
  const TimePoint end = Clock::now() + limit;
  const auto found = co_await asker_.find(watched.own, end);
  if (stopped_ || !found) co_return false;
  const Detector::Result result = co_await detector_.detect(id, watched.own, end);
  if (result == Detector::Result::kFound) watched.detection_due = TimePoint::max();
  if (result == Detector::Result::kUntold) watched.detection_due = Clock::now() + kDetectionPause;
  watched.health_check = health_check_of(fleet_.view(id));
  co_return fleet_.view(id).profile != before;
}

/// One health check; true when the fleet's picture changed.
net::Awaitable<bool> Prober::check_health(Watched& watched) {
  const TimePoint start = Clock::now();
  const TimePoint end = start + watched.endpoint.config.check_timeout;
  // Requests go to the endpoint's own address, wherever its health is asked.
  auto found = co_await asker_.find(watched.own, end);
  if (stopped_) co_return false;
  bool changed = false;
  if (found) {
    changed = fleet_.set_addresses(watched.endpoint.id, watched.own.addresses);
    found = co_await asker_.find_beside(watched.own.url.host, watched.own.addresses,
                                        watched.health_check, end);
    if (stopped_) co_return false;
  }
  Result<net::FetchResponse> answer = net::FetchResponse();
  if (found) {
    answer = co_await ask_health(watched, end);
    if (stopped_) co_return false;
  } else {
    answer = found.error();
  }
  const Duration taken = Clock::now() - start;
  // The version comes first: a request that needs a translation must not meet a server of unknown
  // version.
  const bool up = answer && answer->status >= 200 && answer->status < 300;
  const fleet::EndpointView& view = fleet_.view(watched.endpoint.id);
  if (up && view.is_vllm() && !view.vllm_version) {
    const TimePoint version_end = Clock::now() + kFirstVersionTimeout;
    const bool told = co_await discovery_.read_version(watched.endpoint.id, version_end);
    changed = changed || told;
    if (stopped_) co_return false;
  }
  const bool turned = note_check(watched, answer, taken);
  co_return changed || turned;
}

/// Asks for the endpoint's health, wherever on its server that is.
net::Awaitable<Result<net::FetchResponse>> Prober::ask_health(const Watched& watched,
                                                              TimePoint end) {
  Target target = watched.health_check;
  for (int followed = 0;; ++followed) {
    auto answer =
        co_await asker_.ask(watched.endpoint.config, target, kHealthAgent, kMaxHealthBytes, end);
    if (stopped_ || !answer || followed == kRedirectsMax) co_return answer;
    auto path = redirected_to(target.url, *answer);
    if (!path) co_return answer;
    target.url.path = std::move(*path);
  }
}

/// Says what the last check said, and when the next one is due.
void Prober::report(Watched& watched) {
  const auto wait = *watched.schedule.due() - Clock::now();
  watched.report.next_at = std::chrono::system_clock::now() + wait;
  fleet_.set_checks(watched.endpoint.id, watched.report);
}

/// Takes in the result of a check, which took so long; true when the fleet's picture changed.
bool Prober::note_check(Watched& watched, const Result<net::FetchResponse>& answer,
                        Duration taken) {
  const fleet::Verdict verdict = verdict_of(answer, taken);
  std::string why;
  if (!answer) {
    why = answer.error().detail;
    if (answer.error().side == Side::kGateway) {
      logger_.warn("cannot check an endpoint",
                   {{"endpoint", watched.endpoint.config.name}, {"error", why}});
      return false;
    }
  } else {
    if (!fleet::passes(verdict)) why = "status " + std::to_string(answer->status);
    if (verdict == fleet::Verdict::kRateLimited)
      watched.schedule.pause(Clock::now() + asked_pause(*answer));
  }
  const EndpointId id = watched.endpoint.id;
  // Only the port that requests go to tells whether those that wait there still have hope.
  const bool same_port = watched.health_check.url.host == watched.own.url.host &&
                         watched.health_check.url.port == watched.own.url.port;
  const bool refused = !answer && answer.error().code == Errc::kRefused && same_port;
  const bool refuses_changed = fleet_.set_refuses(id, refused);
  const bool drained = note_drained(watched);
  const fleet::Health before = watched.health.state();
  const bool turned = watched.health.on_check(verdict);
  watched.report.last = verdict;
  ++watched.report.counts.at(static_cast<std::size_t>(verdict));
  if (!fleet::passes(verdict)) watched.report.last_failure = verdict;
  watched.report.failures_in_a_row = watched.health.failures_in_a_row();
  watched.report.latency = taken;
  watched.report.checked_at = std::chrono::system_clock::now();
  if (!turned) return refuses_changed || drained;
  fleet_.set_health(id, watched.health.state(), Clock::now());
  if (watched.health.state() != fleet::Health::kHealthy) {
    // What comes back may be another server: of this one nothing is known any more.
    fleet_.set_draining(id, false);
    fleet_.forget_server(id);
    watched.detection_due = TimePoint{};
  }
  fleet_.set_checks(id, watched.report);
  log_change(watched, before, why);
  if (watched.health.state() == fleet::Health::kHealthy) {
    // A server that comes back may serve something else now, and sleeps no more.
    fleet_.forget_figures(id);
    discovery_.read_now(id);
    notices_.came_up(id);
  }
  return true;
}

/// A server that drains is up until it is gone. When another one takes its place between two checks
/// nobody sees it go, so that after a while it gets requests again: the first one will tell.
bool Prober::note_drained(Watched& watched) {
  if (Clock::now() < watched.draining_until) return false;
  return fleet_.set_draining(watched.endpoint.id, false);
}

void Prober::log_change(const Watched& watched, fleet::Health before, std::string_view why) {
  const config::Endpoint& endpoint = watched.endpoint.config;
  if (watched.health.state() == fleet::Health::kHealthy) {
    logger_.info("endpoint is healthy", {{"endpoint", endpoint.name}, {"url", endpoint.url}});
  } else {
    const fleet::Status status = fleet_.view(watched.endpoint.id).status(Clock::now());
    logger_.warn("endpoint is unhealthy", {{"endpoint", endpoint.name},
                                           {"url", endpoint.url},
                                           {"was", fleet::to_string(before)},
                                           {"status", fleet::to_string(status)},
                                           {"error", why}});
  }
}

}  // namespace olla::proxy
