#include "proxy/server.h"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "net/address.h"

namespace olla::proxy {
namespace {

// How often a draining server looks whether it is done.
constexpr std::chrono::milliseconds kDrainPoll{20};

// How old figures may be when the workers get them.
constexpr std::chrono::milliseconds kPublishDelay{50};

// After everything was cut, connections end within a few milliseconds.
constexpr std::chrono::milliseconds kCutGrace{500};

std::size_t thread_count(const config::Config& config) {
  if (config.server.threads > 0) return config.server.threads;
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

Server::Server(net::asio::io_context& control, const config::Config& config, log::Logger& logger,
               Internal internal)
    : control_(control),
      config_(config),
      logger_(logger),
      internal_(std::move(internal)),
      shared_(config),
      deadlines_(control),
      resolver_(control, deadlines_),
      fleet_(config.endpoints, config.profiles, config.proxy.breaker),
      asker_(control, deadlines_, resolver_),
      discovery_(asker_, fleet_, config, logger,
                 {.changed = [this] { publish(); }, .read_again = [this] { publish_soon(); }}),
      prober_(asker_, fleet_, discovery_, logger,
              {.changed = [this] { publish(); },
               .checked = [this] { publish_soon(); },
               .came_up = [this](EndpointId endpoint) { scraper_.read_now(endpoint); }}),
      scraper_(asker_, fleet_, config.vllm.metrics_interval, logger,
               {.figures_read = [this] { publish_soon(); },
                .changed = [this] { publish(); },
                .refused = [this](EndpointId endpoint) { prober_.check_now(endpoint); }}),
      listener_(control),
      publish_timer_(control),
      sweep_timer_(control),
      drain_timer_(control) {}

Server::~Server() {
  workers_.clear();  // Their last requests may wait for the background thread.
  background_work_.reset();
  if (background_thread_.joinable()) background_thread_.join();
}

Result<std::uint16_t> Server::start() {
  auto port = listener_.open(config_.server.host, config_.server.port);
  if (!port) return port.error();
  // An endpoint given by its address can take requests before its first check is over.
  for (std::size_t i = 0; i < fleet_.size(); ++i) {
    const auto id = EndpointId(static_cast<std::uint32_t>(i));
    const config::Url& url = fleet_.endpoint(id).config.address;
    const auto literal = net::literal_address(url.host, url.port);
    if (literal) fleet_.set_addresses(id, {*literal});
  }
  background_work_.emplace(net::asio::make_work_guard(background_));
  background_thread_ = std::thread([this] { background_.run(); });
  for (std::size_t i = 0; i < thread_count(config_); ++i) {
    const Worker::Context context{config_, logger_, internal_, *this, shared_, background_};
    workers_.push_back(std::make_unique<Worker>(context, fleet_.snapshot()));
    workers_.back()->start();
  }
  discovery_.start();
  prober_.start();
  scraper_.start();
  if (shared_.gate.rates.enabled()) sweep_later();
  listener_.start([this]() -> net::ConnectionSink& {
    return **std::min_element(workers_.begin(), workers_.end(), [](const auto& a, const auto& b) {
      return a->connections() < b->connections();
    });
  });
  return *port;
}

void Server::stop(std::function<void()> done) {
  if (done_) {
    cut_at_ = Clock::now();  // The second signal.
    poll_drained();
    return;
  }
  done_ = std::move(done);
  listener_.close();
  prober_.stop();
  discovery_.stop();
  scraper_.stop();
  publish_timer_.cancel();
  sweep_timer_.cancel();
  for (const auto& worker : workers_)
    worker->drain();
  cut_at_ = Clock::now() + config_.server.shutdown_timeout;
  poll_drained();
}

void Server::failed(EndpointId endpoint) {
  net::asio::post(control_, [this, endpoint] { prober_.check_now(endpoint); });
}

void Server::drains(EndpointId endpoint) {
  net::asio::post(control_, [this, endpoint] { prober_.note_draining(endpoint); });
}

void Server::misses_route(EndpointId endpoint, const std::string& path) {
  net::asio::post(control_, [this, endpoint, path] { prober_.note_missing_route(endpoint, path); });
}

void Server::models_in_doubt() {
  net::asio::post(control_, [this] { discovery_.read_all_now(); });
}

void Server::model_missed(ModelDiscovery::Done done) {
  net::asio::post(control_, [this, done = std::move(done)]() mutable {
    discovery_.refresh_missed(std::move(done));
  });
}

void Server::refresh_models(ModelDiscovery::Done done) {
  net::asio::post(
      control_, [this, done = std::move(done)]() mutable { discovery_.refresh(std::move(done)); });
}

void Server::set_drained(EndpointId endpoint, bool drained, std::function<void()> done) {
  net::asio::post(control_, [this, endpoint, drained, after = std::move(done)]() mutable {
    prober_.set_drained(endpoint, drained);
    publish_and_then(std::move(after));
  });
}

/// `done` is called on this thread, when every worker has the snapshot.
void Server::publish_and_then(std::function<void()> done) {
  const auto snapshot = fleet_.snapshot();
  const auto missing = std::make_shared<std::size_t>(workers_.size());
  const auto has_it = [this, missing, after = std::move(done)] {
    net::asio::post(control_, [missing, after] {
      if (--*missing == 0) after();
    });
  };
  for (const auto& worker : workers_)
    worker->publish(snapshot, has_it);
}

void Server::publish() {
  const auto snapshot = fleet_.snapshot();
  for (const auto& worker : workers_)
    worker->publish(snapshot);
}

/// For what may be a moment old: the figures of a thousand endpoints make a few snapshots a second,
/// not a thousand.
void Server::publish_soon() {
  if (publishes_soon_) return;
  publishes_soon_ = true;
  publish_timer_.expires_after(kPublishDelay);
  publish_timer_.async_wait([this](net::error_code error) {
    publishes_soon_ = false;
    if (!error) publish();
  });
}

/// Forgets clients whose rate limits are not needed any more, now and then.
void Server::sweep_later() {
  sweep_timer_.expires_after(config_.server.rate_limits.cleanup_interval);
  sweep_timer_.async_wait([this](net::error_code error) {
    if (error) return;
    shared_.gate.rates.sweep(Clock::now());
    sweep_later();
  });
}

void Server::poll_drained() {
  std::size_t open = 0;
  for (const auto& worker : workers_)
    open += worker->connections();
  const TimePoint now = Clock::now();
  if (open == 0 || now >= cut_at_ + kCutGrace) return finish();
  if (now >= cut_at_ && !cut_) {
    cut_ = true;
    logger_.warn("cutting the connections that are left",
                 {{"connections", static_cast<std::int64_t>(open)}});
    for (const auto& worker : workers_)
      worker->cut();
  }
  drain_timer_.expires_after(kDrainPoll);
  drain_timer_.async_wait([this](net::error_code error) {
    if (!error) poll_drained();
  });
}

void Server::finish() {
  if (finished_) return;
  finished_ = true;
  deadlines_.expire_all();  // Ends health checks that still wait for an answer.
  done_();
}

}  // namespace olla::proxy
