#include "proxy/worker.h"

#include <boost/asio/post.hpp>

#include "net/spawn.h"

namespace olla::proxy {
namespace {

net::ConnectionRules make_rules(const config::Config& config) {
  net::ConnectionRules rules;
  rules.idle_timeout = config.server.idle_timeout;
  rules.read_header_timeout = config.server.read_header_timeout;
  rules.read_timeout = config.server.read_timeout;
  rules.write_timeout = config.proxy.read_timeout;
  rules.head.bytes = config.server.request_limits.max_header_size;
  rules.max_body_size = config.server.request_limits.max_body_size;
  return rules;
}

}  // namespace

Worker::Worker(const Context& context, std::shared_ptr<const fleet::Snapshot> snapshot)
    : services_{.io = io_,
                .config = context.config,
                .logger = context.logger,
                .internal = context.internal,
                .findings = context.findings,
                .shared = context.shared,
                .background = context.background,
                .connection_rules = make_rules(context.config),
                .deadlines = net::Deadlines(io_),
                .pool = net::Pool(services_.deadlines),
                .random = Random(system_seed()),
                .recorder = context.shared.metrics.add_recorder(),
                .snapshot = std::move(snapshot)} {}

// NOLINTNEXTLINE(bugprone-exception-escape): without memory to stop, the process may as well end.
Worker::~Worker() {
  if (!thread_.joinable()) return;
  cut();
  net::asio::post(io_, [this] {
    work_.reset();
    services_.pool.clear();
    services_.deadlines.expire_all();
  });
  thread_.join();
}

void Worker::start() {
  work_.emplace(net::asio::make_work_guard(io_));
  thread_ = std::thread([this] { io_.run(); });
}

void Worker::serve(net::Socket socket) {
  connections_.fetch_add(1, std::memory_order_relaxed);
  net::asio::post(io_, [this, moved = std::move(socket)]() mutable { begin(std::move(moved)); });
}

void Worker::begin(net::Socket socket) {
  auto session = std::make_unique<Session>(services_, std::move(socket));
  sessions_.push_back(*session);
  if (draining_) session->drain();
  net::spawn(io_, run_session(std::move(session)), [this](const std::exception_ptr& failure) {
    connections_.fetch_sub(1, std::memory_order_relaxed);
    if (!failure) return;
    // Nothing on the request path throws but for want of memory: count it as that connection's
    // loss, and say so.
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& what) {
      services_.logger.error("a connection ended by an exception", {{"error", what.what()}});
    }
  });
}

/// Owns the session for as long as it runs.
net::Awaitable<void> Worker::run_session(std::unique_ptr<Session> session) {
  co_await session->run();
}

void Worker::publish(std::shared_ptr<const fleet::Snapshot> snapshot, std::function<void()> done) {
  net::asio::post(io_, [this, moved = std::move(snapshot), after = std::move(done)]() mutable {
    services_.publish(std::move(moved));
    if (after) after();
  });
}

void Worker::drain() {
  net::asio::post(io_, [this] {
    draining_ = true;
    for (auto it = sessions_.begin(); it != sessions_.end();)
      (it++)->drain();
  });
}

void Worker::cut() {
  net::asio::post(io_, [this] {
    for (auto it = sessions_.begin(); it != sessions_.end();)
      (it++)->cut();
  });
}

}  // namespace olla::proxy
