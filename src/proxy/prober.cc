#include "proxy/prober.h"

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "config/url.h"
#include "net/address.h"
#include "vllm/routes.h"

namespace olla::proxy {
namespace {

// A model list with permissions takes 400 bytes per model; 10,000 models fit.
constexpr std::size_t kMaxModelListBytes = 10 * 1024 * 1024;
constexpr std::size_t kMaxHealthBytes = 1024 * 1024;

// Models come and go with LoRA adapters and restarts; a restart is seen by the health check.
constexpr std::chrono::seconds kModelInterval{30};
constexpr std::chrono::seconds kModelTimeout{10};

constexpr std::string_view kHealthAgent = "olla-HealthChecker/v" OLLA_VERSION;
constexpr std::string_view kDiscoveryAgent = "olla-Discovery/v" OLLA_VERSION;

}  // namespace

Prober::Watched::Watched(net::asio::io_context& io, const fleet::Endpoint& described)
    : endpoint(described), schedule(described.config.check_interval, Clock::now()), timer(io) {}

Prober::Prober(net::asio::io_context& io, net::Deadlines& deadlines, fleet::Fleet& fleet,
               log::Logger& logger, Publish publish)
    : io_(io),
      deadlines_(deadlines),
      fleet_(fleet),
      logger_(logger),
      publish_(std::move(publish)) {}

void Prober::start() {
  for (std::size_t i = 0; i < fleet_.size(); ++i) {
    const auto id = EndpointId(static_cast<std::uint32_t>(i));
    watched_.push_back(std::make_unique<Watched>(io_, fleet_.endpoint(id)));
  }
  for (const auto& watched : watched_) {
    net::asio::co_spawn(io_, watch(*watched), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
  }
}

void Prober::check_now(EndpointId endpoint) {
  if (stopped_) return;
  Watched& watched = *watched_[endpoint.value()];
  watched.schedule.request_now(Clock::now());
  watched.timer.cancel();  // The loop looks at the schedule again.
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
    bool changed = co_await check_health(watched);
    watched.schedule.finished();
    if (changed) publish_(fleet_.snapshot());
    if (stopped_ || watched.health.state() != fleet::Health::kHealthy) continue;
    if (Clock::now() < watched.models_due) continue;
    changed = co_await read_models(watched);
    if (changed) publish_(fleet_.snapshot());
  }
}

net::FetchRequest Prober::request_for(const Watched& watched, const std::string& url,
                                      Duration limit, std::string_view user_agent) const {
  const config::Endpoint& endpoint = watched.endpoint.config;
  net::FetchRequest request;
  config::Url target = endpoint.address;
  target.path = url;
  // The loader made sure that a URL that is not a path can be parsed.
  if (!url.starts_with('/')) target = config::parse_url(url).value();
  request.host = target.host;
  request.port = target.port;
  request.authority = target.authority();
  request.path = target.path;
  request.user_agent = user_agent;
  for (const config::Header& header : endpoint.headers)
    request.headers.emplace_back(header.name, header.value);
  request.limit = limit;
  return request;
}

/// One health check; true when the fleet's picture changed.
net::Awaitable<bool> Prober::check_health(Watched& watched) {
  const config::Endpoint& endpoint = watched.endpoint.config;
  net::FetchRequest request =
      request_for(watched, endpoint.health_check_url, endpoint.check_timeout, kHealthAgent);
  request.max_body_bytes = kMaxHealthBytes;
  const auto answer = co_await net::fetch(io_, deadlines_, std::move(request));
  if (stopped_) co_return false;

  bool changed = false;
  std::string why;
  bool passed = false;
  if (!answer) {
    why = answer.error().detail;
  } else {
    passed = answer->status >= 200 && answer->status < 300;
    if (!passed) why = "status " + std::to_string(answer->status);
  }
  // Requests go to the endpoint's own address, wherever its health is asked.
  auto addresses = co_await net::resolve(endpoint.address.host, endpoint.address.port);
  if (addresses) changed = fleet_.set_addresses(watched.endpoint.id, std::move(*addresses));
  const fleet::Health before = watched.health.state();
  if (watched.health.on_check(passed)) {
    fleet_.set_health(watched.endpoint.id, watched.health.state());
    changed = true;
    // A server that comes back may serve something else now.
    watched.models_due = TimePoint{};
    log_change(watched, before, why);
  }
  co_return changed;
}

/// Reads the model list; true when it changed. A list that cannot be read keeps the old one.
net::Awaitable<bool> Prober::read_models(Watched& watched) {
  const config::Endpoint& endpoint = watched.endpoint.config;
  net::FetchRequest request =
      request_for(watched, endpoint.model_url, kModelTimeout, kDiscoveryAgent);
  request.max_body_bytes = kMaxModelListBytes;
  const auto answer = co_await net::fetch(io_, deadlines_, std::move(request));
  watched.models_due = Clock::now() + kModelInterval;
  if (!answer || answer->status != 200) {
    const std::string why =
        answer ? "status " + std::to_string(answer->status) : answer.error().detail;
    logger_.warn("cannot read the model list", {{"endpoint", endpoint.name}, {"error", why}});
    co_return false;
  }
  auto models = vllm::parse_model_list(answer->body);
  if (!models) {
    logger_.warn("cannot read the model list",
                 {{"endpoint", endpoint.name}, {"error", models.error().detail}});
    co_return false;
  }
  std::string names;
  for (const std::string& model : *models)
    names.append(names.empty() ? "" : ", ").append(model);
  const bool changed = fleet_.set_models(watched.endpoint.id, std::move(*models));
  if (changed) logger_.info("models", {{"endpoint", endpoint.name}, {"models", names}});
  co_return changed;
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
