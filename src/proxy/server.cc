#include "proxy/server.h"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "net/address.h"

namespace olla::proxy {
namespace {

// How often a draining server looks whether it is done.
constexpr std::chrono::milliseconds kDrainPoll{20};

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
      suspect_([this](EndpointId endpoint) {
        net::asio::post(control_, [this, endpoint] { prober_.check_now(endpoint); });
      }),
      deadlines_(control),
      resolver_(control, deadlines_),
      fleet_(config.endpoints),
      prober_(control, deadlines_, resolver_, fleet_, logger,
              [this](const std::shared_ptr<const fleet::Snapshot>& snapshot) {
                for (const auto& worker : workers_)
                  worker->publish(snapshot);
              }),
      listener_(control),
      drain_timer_(control) {}

Server::~Server() = default;

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
  for (std::size_t i = 0; i < thread_count(config_); ++i) {
    workers_.push_back(
        std::make_unique<Worker>(config_, logger_, internal_, suspect_, fleet_.snapshot()));
    workers_.back()->start();
  }
  prober_.start();
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
  for (const auto& worker : workers_)
    worker->drain();
  cut_at_ = Clock::now() + config_.server.shutdown_timeout;
  poll_drained();
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
