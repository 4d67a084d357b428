// A load generator that does little per request and reports its own share of the work.
//
//   bench_load --port PORT --connections 32 --seconds 5 --watch gateway=PID
//
// Prints one JSON document: rate, latencies, delays of events, and how much time the watched
// processes and the generator itself spent on a processor while it measured.
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/latencies.h"
#include "bench/process.h"
#include "bench/request_text.h"
#include "bench/response_reader.h"
#include "bench/sockets.h"

namespace olla::bench {
namespace {

constexpr double kSecond = 1e9;

struct Options {
  RequestShape shape;
  std::size_t connections = 1;
  double warm_up_seconds = 0;
  double seconds = 0;
  std::uint64_t requests = 0;  ///< Ends after so many, whenever that is; 0: after `seconds`.
  double rate = 0;             ///< Requests begun per second, of all; 0: as soon as one is over.
  double spread_seconds = 0;   ///< Over which the connections begin, evenly.
  bool fresh = false;          ///< A connection for each request.
  int expected_status = 200;
  std::vector<std::string> watched;  ///< "NAME=PID"
};

struct Connection {
  int descriptor = -1;
  std::int64_t began_at = 0;
  std::size_t sent = 0;  ///< Of the request.
  bool asks = false;
  bool waits_for_room = false;
  ResponseReader response = {};
};

/// What a stretch of time cost each process.
struct Account {
  std::int64_t at = 0;
  std::int64_t own_cpu = 0;
  std::map<std::string, std::int64_t> cpu = {};
  std::map<std::string, std::int64_t> resident = {};
};

Account take_account(const std::vector<std::string>& watched) {
  Account account;
  for (const std::string& one : watched) {
    const std::size_t sign = one.find('=');
    const std::string name = one.substr(0, sign);
    const auto process = static_cast<pid_t>(std::stol(one.substr(sign + 1)));
    account.cpu[name] += cpu_ns_of(process);
    account.resident[name] += resident_bytes_of(process);
  }
  account.own_cpu = own_cpu_ns();
  account.at = now_ns();
  return account;
}

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options),
        request_(request_text(options.shape)),
        connections_(options.connections) {
    for (Connection& connection : connections_)
      idle_.push_back(&connection);
  }

  void run() {
    const std::int64_t start = now_ns();
    measure_from_ = start + static_cast<std::int64_t>(options_.warm_up_seconds * kSecond);
    measure_to_ = measure_from_ + static_cast<std::int64_t>(options_.seconds * kSecond);
    next_begin_ = start;
    spread_step_ = static_cast<std::int64_t>(options_.spread_seconds * kSecond) /
                   static_cast<std::int64_t>(options_.connections);
    rate_step_ = options_.rate > 0 ? static_cast<std::int64_t>(kSecond / options_.rate) : 0;
    while (!over_) {
      begin_idle();
      for (const epoll_event& event : poller_.wait(next_time()))
        handle(*static_cast<Connection*>(event.data.ptr), event.events);
      look_at_clock();
    }
  }

  void report() {
    const auto seconds = static_cast<double>(after_.at - before_.at) / kSecond;
    std::printf("{\"seconds\":%.6f,\"requests\":%llu,\"events\":%zu,\"errors\":%llu,\"late\":%llu",
                seconds, static_cast<unsigned long long>(requests_), delays_.count(),
                static_cast<unsigned long long>(errors_), static_cast<unsigned long long>(late_));
    print("latency_us", latencies_);
    print("delay_us", delays_);
    std::printf(",\"cpu_ns\":{\"load\":%lld",
                static_cast<long long>(after_.own_cpu - before_.own_cpu));
    for (const auto& [name, cpu] : after_.cpu)
      std::printf(",\"%s\":%lld", name.c_str(), static_cast<long long>(cpu - before_.cpu[name]));
    std::printf("},\"resident_bytes\":{");
    const char* comma = "";
    for (const auto& [name, bytes] : after_.resident) {
      std::printf("%s\"%s\":%lld", comma, name.c_str(), static_cast<long long>(bytes));
      comma = ",";
    }
    std::printf("}}\n");
  }

 private:
  static void print(const char* name, Latencies& durations) {
    std::printf(",\"%s\":{\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"max\":%.2f}", name,
                durations.percentile_us(0.5), durations.percentile_us(0.9),
                durations.percentile_us(0.99), durations.percentile_us(1));
  }

  /// When the loop has to look again, whether anything came or not.
  [[nodiscard]] std::int64_t next_time() const {
    const std::int64_t phase = measuring_ ? measure_to_ : measure_from_;
    const bool ends_by_count = measuring_ && options_.requests > 0;
    const std::int64_t begin = idle_.empty() ? -1 : next_begin_;
    if (ends_by_count) return begin;
    return begin < 0 ? phase : std::min(phase, begin);
  }

  void look_at_clock() {
    const std::int64_t now = now_ns();
    if (!measuring_ && now >= measure_from_) {
      measuring_ = true;
      requests_ = errors_ = late_ = 0;
      latencies_.clear();
      delays_.clear();
      before_ = take_account(options_.watched);
    }
    const bool enough = options_.requests > 0 ? requests_ >= options_.requests : now >= measure_to_;
    if (measuring_ && enough) {
      after_ = take_account(options_.watched);
      over_ = true;
    }
  }

  void begin_idle() {
    while (!idle_.empty()) {
      const std::int64_t now = now_ns();
      if (next_begin_ > now) return;
      Connection& connection = *idle_.front();
      idle_.pop_front();
      if (rate_step_ > 0) {
        // What the connections could not take in time is left out, and counted.
        if (now - next_begin_ > rate_step_) ++late_;
        next_begin_ = std::max(next_begin_ + rate_step_, now - rate_step_);
      } else if (begun_ < connections_.size()) {
        next_begin_ += spread_step_;
      }
      ++begun_;
      begin(connection);
    }
  }

  void begin(Connection& connection) {
    connection.began_at = now_ns();
    connection.sent = 0;
    connection.asks = true;
    connection.response.reset();
    if (connection.descriptor < 0) {
      connection.descriptor = connect_to(options_.shape.port);
      connection.waits_for_room = false;
      poller_.add(connection.descriptor, EPOLLIN, &connection);
    }
    send(connection);
  }

  void send(Connection& connection) {
    while (connection.sent < request_.size()) {
      const ssize_t sent = ::send(connection.descriptor, request_.data() + connection.sent,
                                  request_.size() - connection.sent, MSG_NOSIGNAL);
      if (sent < 0) break;  // No room; or the end, which the next read tells.
      connection.sent += static_cast<std::size_t>(sent);
    }
    const bool waits = connection.sent < request_.size();
    if (waits == connection.waits_for_room) return;
    connection.waits_for_room = waits;
    poller_.change(connection.descriptor, waits ? EPOLLIN | EPOLLOUT : EPOLLIN, &connection);
  }

  void handle(Connection& connection, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0 && connection.waits_for_room) send(connection);
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return;
    const ssize_t size = recv(connection.descriptor, buffer_.data(), buffer_.size(), 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return on_closed(connection);
    const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(size));
    const std::int64_t now = now_ns();
    if (connection.response.feed(bytes, now, delays_) == ResponseReader::State::kWhole)
      on_whole(connection, now);
  }

  void on_whole(Connection& connection, std::int64_t now) {
    if (connection.response.status() != options_.expected_status) ++errors_;
    ++requests_;
    latencies_.add(now - connection.began_at);
    if (options_.fresh || connection.response.closes()) drop(connection);
    connection.asks = false;
    idle_.push_back(&connection);
  }

  void on_closed(Connection& connection) {
    drop(connection);
    if (!connection.asks) return;  // It is idle already; the server keeps no idle connections.
    ++errors_;
    connection.asks = false;
    idle_.push_back(&connection);
    if (++closed_early_ < kClosedEarlyMax) return;
    std::fprintf(stderr, "bench_load: the server closes connections before it answers\n");
    std::exit(1);
  }

  static void drop(Connection& connection) {
    close(connection.descriptor);
    connection.descriptor = -1;
  }

  // A gateway that is not there, or refuses everybody.
  static constexpr std::uint64_t kClosedEarlyMax = 1000;

  const Options& options_;
  const std::string request_;
  Poller poller_;
  std::vector<Connection> connections_;
  std::deque<Connection*> idle_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
  std::int64_t measure_from_ = 0;
  std::int64_t measure_to_ = 0;
  std::int64_t next_begin_ = 0;
  std::int64_t spread_step_ = 0;
  std::int64_t rate_step_ = 0;
  std::size_t begun_ = 0;
  bool measuring_ = false;
  bool over_ = false;
  Account before_;
  Account after_;
  std::uint64_t requests_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t late_ = 0;
  std::uint64_t closed_early_ = 0;
  Latencies latencies_;
  Latencies delays_;
};

}  // namespace
}  // namespace olla::bench

int main(int argc, char** argv) {
  using namespace olla::bench;
  CLI::App app("A load generator for gateways in front of vLLM.");
  Options options;
  RequestShape& shape = options.shape;
  app.add_option("--port", shape.port, "Port of 127.0.0.1.")->required();
  app.add_option("--path", shape.path, "Where the requests go.");
  app.add_option("--model", shape.model, "The model that they name.");
  app.add_option("--body-bytes", shape.body_bytes, "Size of a body, about.");
  app.add_option("--stream", shape.wish, "\"EVENTS GAP_US\": asks for a stream of so many events.");
  app.add_option("--fault", shape.fault, "What is wrong with the requests.")
      ->check(CLI::IsMember({"head", "framing", "json"}));
  app.add_option("--connections", options.connections)->check(CLI::Range(1, 100'000));
  app.add_option("--warm-up", options.warm_up_seconds, "Seconds before it measures.");
  app.add_option("--seconds", options.seconds, "For how long it measures.");
  app.add_option("--requests", options.requests, "Ends after so many instead.");
  app.add_option("--rate", options.rate, "Requests begun per second.");
  app.add_option("--spread", options.spread_seconds, "Seconds over which the connections begin.");
  app.add_flag("--fresh", options.fresh, "A connection for each request.");
  app.add_option("--expect", options.expected_status, "The status that is no error.");
  app.add_option("--watch", options.watched, "NAME=PID of a process to account for.");
  CLI11_PARSE(app, argc, argv);
  raise_file_limit();
  Load load(options);
  load.run();
  load.report();
}
