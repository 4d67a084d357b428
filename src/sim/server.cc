#include "sim/server.h"

#include <algorithm>
#include <boost/intrusive/list.hpp>
#include <exception>
#include <utility>

#include "net/deadlines.h"
#include "net/listener.h"
#include "net/server_connection.h"
#include "net/spawn.h"
#include "sim/session.h"

namespace olla::sim {
namespace {

// vLLM's own limits: idle connections live 5 s (VLLM_HTTP_TIMEOUT_KEEP_ALIVE), and nothing else is
// ever given up. A day stands for that.
constexpr std::chrono::seconds kIdle{5};
constexpr std::chrono::hours kForever{24};

// The real server has no limits; these spare the machine that tests run on.
constexpr std::uint64_t kBodyBytesMax = std::uint64_t{64} << 20U;
constexpr std::size_t kHeadBytesMax = std::size_t{4} << 20U;

// Tokens of many streams fall due at as many moments. Waking for each would cost more than the
// tokens themselves; a token may be this much late instead.
constexpr std::chrono::microseconds kWakeInterval{250};

// How often a closed port that somebody else has by now is tried again.
constexpr std::chrono::milliseconds kReopenInterval{500};

net::ConnectionRules connection_rules() {
  net::ConnectionRules rules{};
  rules.idle_timeout = kIdle;
  rules.read_header_timeout = kForever;
  rules.read_timeout = kForever;
  rules.write_timeout = kForever;
  rules.max_body_size = kBodyBytesMax;
  rules.head.bytes = kHeadBytesMax;
  return rules;
}

ApiTime current_time() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return {Clock::now(), std::chrono::duration_cast<std::chrono::seconds>(since_1970).count()};
}

ApiOptions api_options(const ServerOptions& options) {
  ApiOptions out;
  out.version = options.version;
  out.models = options.models;
  for (const std::string& name : options.loras) {
    out.loras.push_back({name, name});
  }
  out.service = options.service;
  out.dev_mode = options.dev_mode;
  out.lora_updating = options.lora_updating;
  out.scale_out = options.scale_out;
  out.load_tracking = options.load_tracking;
  out.force_usage = options.force_usage;
  out.data_parallel_size = options.data_parallel_size;
  out.stream_interval = options.stream_interval;
  out.prompt_tokens_details = options.prompt_tokens_details;
  out.parsers = options.parsers;
  out.rules = options.rules;
  out.seed = options.seed;
  out.id_seed = system_seed();
  out.process = &read_process_figures;
  return out;
}

net::Awaitable<void> run_session(std::unique_ptr<Session> session) {
  co_await session->run();
}

}  // namespace

class Server::Core : public SessionHost, private net::ConnectionSink {
 public:
  Core(net::asio::io_context& io, ServerOptions options)
      : options_(std::move(options)),
        io_(io),
        api_(api_options(options_), current_time()),
        middleware_(options_.middleware, api_.dialect(), Random(system_seed())),
        deadlines_(io),
        listener_(io),
        timer_(io),
        reopening_(io) {}

  Result<std::uint16_t> start() {
    api_.faults().set(options_.faults, options_.seed, Clock::now());
    auto port = open();
    if (port) options_.port = *port;
    if (port) refuse_if_told();
    return port;
  }

  void terminate(Condition condition) {
    api_.set_condition(condition);
    on_submitted();
  }

  [[nodiscard]] bool finished() const {
    return api_.condition() == Condition::kHung ? sessions_.empty() : api_.unfinished() == 0;
  }

  void stop() {
    stopped_ = true;
    listener_.close();
    // A session that stops may leave the list, and others with it that shared its engine's turn.
    while (!sessions_.empty()) {
      Session& session = sessions_.front();
      sessions_.pop_front();
      session.stop();
    }
    deadlines_.expire_all();
    timer_.cancel();
    reopening_.cancel();
  }

  Api& api() override { return api_; }
  ApiTime time() override { return current_time(); }
  net::Deadlines& deadlines() override { return deadlines_; }
  Middleware& middleware() override { return middleware_; }

  [[nodiscard]] bool closing() const override { return listener_closed_; }

  void on_submitted() override {
    if (api_.condition() == Condition::kHung) close_port();
    refuse_if_told();
    const auto next = api_.next_time();
    if (next && *next < armed_for_) arm(*next);
  }

 private:
  net::asio::io_context& io() override { return io_; }

  void serve(net::Socket socket) override {
    if (stopped_ || closing()) return;
    auto connection =
        std::make_shared<net::ServerConnection>(std::move(socket), deadlines_, rules_);
    auto session = std::make_unique<Session>(*this, std::move(connection));
    sessions_.push_back(*session);
    net::spawn(io_, run_session(std::move(session)), [](const std::exception_ptr& failure) {
      // Nothing throws but for want of memory; a simulator has nobody to hide
      // that from.
      if (failure) std::rethrow_exception(failure);
    });
  }

  Result<std::uint16_t> open() {
    auto port = listener_.open(options_.host, options_.port);
    if (port) listener_.start([this]() -> net::ConnectionSink& { return *this; });
    return port;
  }

  /// Closes the port for a while, if a fault says so.
  void refuse_if_told() {
    const auto until = api_.faults().refused_until(Clock::now());
    if (!until || stopped_ || listener_closed_) return;
    close_port();
    reopen_at(*until);
  }

  void reopen_at(TimePoint when) {
    reopening_.expires_at(when);
    reopening_.async_wait([this](net::error_code error) {
      if (error || stopped_ || api_.condition() == Condition::kHung) return;
      // Somebody may have taken the port meanwhile.
      listener_closed_ = !open();
      if (listener_closed_) reopen_at(Clock::now() + kReopenInterval);
    });
  }

  /// What a real server does first when it is told to end.
  void close_port() {
    if (listener_closed_) return;
    listener_closed_ = true;
    listener_.close();
    for (auto at = sessions_.begin(); at != sessions_.end();) {
      Session& session = *at++;
      session.close_if_idle();
    }
  }

  void arm(TimePoint when) {
    if (stopped_) return;
    armed_for_ = when;
    timer_.expires_at(when);
    timer_.async_wait([this](net::error_code error) {
      if (!error) advance();
    });
  }

  void advance() {
    const TimePoint now = Clock::now();
    // Requests that come in while listeners run arm the timer by themselves.
    armed_for_ = TimePoint::max();
    api_.advance(now);
    const auto next = api_.next_time();
    if (next && *next < armed_for_) arm(std::max(*next, now + kWakeInterval));
  }

  using Sessions = boost::intrusive::list<Session, boost::intrusive::constant_time_size<false>>;

  ServerOptions options_;
  net::asio::io_context& io_;
  const net::ConnectionRules rules_ = connection_rules();
  Api api_;
  Middleware middleware_;
  net::Deadlines deadlines_;
  net::Listener listener_;
  net::Timer timer_;
  net::Timer reopening_;
  TimePoint armed_for_ = TimePoint::max();
  bool stopped_ = false;
  bool listener_closed_ = false;
  Sessions sessions_;
};

Server::Server(net::asio::io_context& io, ServerOptions options)
    : core_(std::make_unique<Core>(io, std::move(options))) {}

Server::~Server() {
  core_->stop();
}

Result<std::uint16_t> Server::start() {
  return core_->start();
}

void Server::stop() {
  core_->stop();
}

void Server::terminate(Condition condition) {
  core_->terminate(condition);
}

bool Server::finished() const {
  return core_->finished();
}

const EngineStats& Server::stats() const {
  return core_->api().stats();
}

}  // namespace olla::sim
