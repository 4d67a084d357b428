#include "proxy/prober.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "config/url.h"
#include "vllm/routes.h"

namespace olla::proxy {
namespace {

// A model list with permissions takes 400 bytes per model; 2,500 models fit.
constexpr std::size_t kMaxModelListBytes = 1024 * 1024;
constexpr std::size_t kMaxHealthBytes = 1024 * 1024;

// Models come and go with LoRA adapters and restarts; a restart is seen by the health check.
constexpr std::chrono::seconds kModelInterval{30};
constexpr std::chrono::seconds kModelTimeout{10};

// Enough to see what an endpoint serves; a list of thousands would flood the log.
constexpr std::size_t kModelsLogged = 10;

constexpr std::string_view kHealthAgent = "olla-HealthChecker/v" OLLA_VERSION;
constexpr std::string_view kDiscoveryAgent = "olla-Discovery/v" OLLA_VERSION;

/// Where `path_or_url` of an endpoint is asked.
config::Url target_of(const config::Endpoint& endpoint, const std::string& path_or_url) {
  // The loader made sure that a URL that is not a path can be parsed.
  if (!path_or_url.starts_with('/')) return config::parse_url(path_or_url).value();
  config::Url target = endpoint.address;
  target.path = path_or_url;
  return target;
}

}  // namespace

Prober::Watched::Watched(net::asio::io_context& io, const fleet::Endpoint& described)
    : endpoint(described),
      schedule(described.config.check_interval, Clock::now()),
      check_timer(io),
      models_timer(io),
      own{described.config.address, {}},
      health_check{target_of(described.config, described.config.health_check_url), {}},
      model_list{target_of(described.config, described.config.model_url), {}} {}

Prober::Prober(net::asio::io_context& io, net::Deadlines& deadlines, net::Resolver& resolver,
               fleet::Fleet& fleet, log::Logger& logger, Publish publish)
    : io_(io),
      deadlines_(deadlines),
      resolver_(resolver),
      fleet_(fleet),
      logger_(logger),
      publish_(std::move(publish)) {}

void Prober::start() {
  for (std::size_t i = 0; i < fleet_.size(); ++i) {
    const auto id = EndpointId(static_cast<std::uint32_t>(i));
    watched_.push_back(std::make_unique<Watched>(io_, fleet_.endpoint(id)));
  }
  const auto rethrow = [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  };
  for (const auto& watched : watched_) {
    net::asio::co_spawn(io_, watch_health(*watched), rethrow);
    net::asio::co_spawn(io_, watch_models(*watched), rethrow);
  }
}

void Prober::check_now(EndpointId endpoint) {
  if (stopped_) return;
  Watched& watched = *watched_[endpoint.value()];
  watched.schedule.request_now(Clock::now());
  watched.check_timer.cancel();  // The loop looks at the schedule again.
}

void Prober::stop() {
  stopped_ = true;
  for (const auto& watched : watched_) {
    watched->check_timer.cancel();
    watched->models_timer.cancel();
  }
}

net::Awaitable<void> Prober::watch_health(Watched& watched) {
  while (!stopped_) {
    const TimePoint due = watched.schedule.due().value_or(Clock::now());
    if (due > Clock::now()) {
      watched.check_timer.expires_at(due);
      co_await watched.check_timer.async_wait(net::kAwait);
      continue;  // Woken by the time, by check_now() or by stop(): look again.
    }
    watched.schedule.started(Clock::now());
    const bool changed = co_await check_health(watched);
    watched.schedule.finished();
    if (changed) publish_(fleet_.snapshot());
  }
}

net::Awaitable<void> Prober::watch_models(Watched& watched) {
  while (!stopped_) {
    const bool healthy = watched.health.state() == fleet::Health::kHealthy;
    const TimePoint due = healthy ? watched.models_due : TimePoint::max();
    if (due > Clock::now()) {
      watched.models_timer.expires_at(due);
      co_await watched.models_timer.async_wait(net::kAwait);
      continue;  // Woken by the time, by an endpoint that comes up or by stop(): look again.
    }
    // Set before, because the endpoint may come up anew while its list is read.
    watched.models_due = Clock::now() + kModelInterval;
    const bool changed = co_await read_models(watched);
    if (changed) publish_(fleet_.snapshot());
  }
}

/// Looks the target's name up. When that fails, the addresses known before stay: a server does not
/// go away with its name server, and the request that follows will tell.
/// Errors: those of the resolver, when no address is known.
net::Awaitable<Result<void>> Prober::find(Target& target, TimePoint end) {
  Duration limit = end - Clock::now();
  // With addresses to fall back on, a silent name server must leave time to ask them.
  if (!target.addresses.empty()) limit /= 2;
  auto found = co_await resolver_.resolve(target.url.host, target.url.port, limit);
  if (found) {
    target.addresses = std::move(*found);
  } else if (target.addresses.empty()) {
    co_return found.error();
  }
  co_return Result<void>();
}

/// The same for a target that may be on the host of `own`, which was looked up a moment ago.
net::Awaitable<Result<void>> Prober::find_beside(const Target& own, Target& target, TimePoint end) {
  if (target.url.host != own.url.host) {
    auto found = co_await find(target, end);
    co_return found;
  }
  target.addresses = own.addresses;
  for (fleet::Address& address : target.addresses)
    address.port = target.url.port;
  co_return Result<void>();
}

/// Fills in what all requests have in common, and sends it.
net::Awaitable<Result<net::FetchResponse>> Prober::ask(const Watched& watched, const Target& target,
                                                       net::FetchRequest request, TimePoint end) {
  request.addresses = target.addresses;
  request.authority = target.url.authority();
  request.path = target.url.path;
  for (const config::Header& header : watched.endpoint.config.headers)
    request.headers.emplace_back(header.name, header.value);
  request.limit = end - Clock::now();
  auto answer = co_await net::fetch(io_, deadlines_, std::move(request));
  co_return answer;
}

/// One health check; true when the fleet's picture changed.
net::Awaitable<bool> Prober::check_health(Watched& watched) {
  const TimePoint end = Clock::now() + watched.endpoint.config.check_timeout;
  // Requests go to the endpoint's own address, wherever its health is asked.
  auto found = co_await find(watched.own, end);
  if (stopped_) co_return false;
  bool changed = false;
  if (found) {
    changed = fleet_.set_addresses(watched.endpoint.id, watched.own.addresses);
    found = co_await find_beside(watched.own, watched.health_check, end);
    if (stopped_) co_return false;
  }
  Result<net::FetchResponse> answer = net::FetchResponse();
  if (found) {
    net::FetchRequest request;
    request.user_agent = kHealthAgent;
    request.max_body_bytes = kMaxHealthBytes;
    answer = co_await ask(watched, watched.health_check, std::move(request), end);
    if (stopped_) co_return false;
  } else {
    answer = found.error();
  }
  const bool turned = note_check(watched, answer);
  co_return changed || turned;
}

/// Takes in the result of a check; true when the endpoint's health changed.
bool Prober::note_check(Watched& watched, const Result<net::FetchResponse>& answer) {
  std::string why;
  bool passed = false;
  if (!answer) {
    why = answer.error().detail;
    if (answer.error().side == Side::kGateway) {
      logger_.warn("cannot check an endpoint",
                   {{"endpoint", watched.endpoint.config.name}, {"error", why}});
      return false;
    }
  } else {
    passed = answer->status >= 200 && answer->status < 300;
    if (!passed) why = "status " + std::to_string(answer->status);
  }
  const fleet::Health before = watched.health.state();
  if (!watched.health.on_check(passed)) return false;
  fleet_.set_health(watched.endpoint.id, watched.health.state());
  // A server that comes back may serve something else now.
  watched.models_due = TimePoint{};
  watched.models_timer.cancel();
  log_change(watched, before, why);
  return true;
}

/// Reads the model list; true when it changed.
net::Awaitable<bool> Prober::read_models(Watched& watched) {
  const TimePoint end = Clock::now() + kModelTimeout;
  const auto found = co_await find_beside(watched.own, watched.model_list, end);
  if (stopped_) co_return false;
  Result<net::FetchResponse> answer = net::FetchResponse();
  if (found) {
    net::FetchRequest request;
    request.user_agent = kDiscoveryAgent;
    request.max_body_bytes = kMaxModelListBytes;
    answer = co_await ask(watched, watched.model_list, std::move(request), end);
    if (stopped_) co_return false;
  } else {
    answer = found.error();
  }
  co_return note_models(watched, answer);
}

/// Takes in a model list; true when it changed. One that cannot be read keeps the old one.
bool Prober::note_models(Watched& watched, const Result<net::FetchResponse>& answer) {
  const std::string& name = watched.endpoint.config.name;
  if (!answer || answer->status != 200) {
    const std::string why =
        answer ? "status " + std::to_string(answer->status) : answer.error().detail;
    logger_.warn("cannot read the model list", {{"endpoint", name}, {"error", why}});
    return false;
  }
  auto models = vllm::parse_model_list(answer->body);
  if (!models) {
    logger_.warn("cannot read the model list",
                 {{"endpoint", name}, {"error", models.error().detail}});
    return false;
  }
  const auto count = static_cast<std::int64_t>(models->size());
  std::string names;
  for (std::size_t i = 0; i < std::min(models->size(), kModelsLogged); ++i)
    names.append(names.empty() ? "" : ", ").append((*models)[i]);
  if (!fleet_.set_models(watched.endpoint.id, std::move(*models))) return false;
  logger_.info("models", {{"endpoint", name}, {"count", count}, {"models", names}});
  return true;
}

void Prober::log_change(const Watched& watched, fleet::Health before, std::string_view why) {
  const config::Endpoint& endpoint = watched.endpoint.config;
  if (watched.health.state() == fleet::Health::kHealthy) {
    logger_.info("endpoint is healthy", {{"endpoint", endpoint.name}, {"url", endpoint.url}});
  } else {
    logger_.warn("endpoint is unhealthy", {{"endpoint", endpoint.name},
                                           {"url", endpoint.url},
                                           {"was", fleet::to_string(before)},
                                           {"error", why}});
  }
}

}  // namespace olla::proxy
