// A bare upstream in the shape of vLLM's server: right answers, one event per write, and as little
// work per request as can be, so that what is measured is the gateway in front of it.
//
//   bench_upstream --port PORT [--port PORT]...
//   bench_upstream --port PORT --addresses COUNT --models COUNT --metrics FILE
//       a fleet: the port of as many addresses, 127.1.0.0 and on, each with models of its own
//
// It trusts its clients: one request at a time, a Content-Length before every body.
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "bench/event_text.h"
#include "bench/process.h"
#include "bench/sockets.h"

namespace olla::bench {
namespace {

// Events of a stream without gaps that are written before the other connections get their turn.
constexpr int kEventsPerTurn = 8;

constexpr std::string_view kCompletion =
    R"({"id":"chatcmpl-5c2a9b7e4d3f4f0d8a6b1c2d3e4f5061","object":"chat.completion",)"
    R"("created":1700000000,"model":"bench-model","choices":[{"index":0,"message":{"role":)"
    R"("assistant","content":"The answer of the bare upstream: it is always the same, and as long )"
    R"(as that of a model which was asked to be brief.","refusal":null,"annotations":null,"audio":)"
    R"(null,"function_call":null,"tool_calls":[],"reasoning":null},"logprobs":null,)"
    R"("finish_reason":"stop","stop_reason":null,"token_ids":null}],"service_tier":null,)"
    R"("system_fingerprint":null,"usage":{"prompt_tokens":36,"total_tokens":61,)"
    R"("completion_tokens":25,"prompt_tokens_details":null},"prompt_logprobs":null,)"
    R"("prompt_token_ids":null,"kv_transfer_params":null})";

constexpr std::string_view kModel = "bench-model";  // What every address serves.

constexpr std::string_view kVersion = R"({"version":"0.32.0"})";

constexpr std::string_view kMetrics =
    "# HELP vllm:num_requests_running Number of requests in model execution batches.\n"
    "# TYPE vllm:num_requests_running gauge\n"
    "vllm:num_requests_running{engine=\"0\",model_name=\"bench-model\"} 1.0\n"
    "# HELP vllm:num_requests_waiting Number of requests waiting to be processed.\n"
    "# TYPE vllm:num_requests_waiting gauge\n"
    "vllm:num_requests_waiting{engine=\"0\",model_name=\"bench-model\"} 0.0\n"
    "# HELP vllm:kv_cache_usage_perc KV-cache usage. 1 means 100 percent usage.\n"
    "# TYPE vllm:kv_cache_usage_perc gauge\n"
    "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"bench-model\"} 0.25\n";

std::string models_document(const std::vector<std::string>& names) {
  std::string text = R"({"object":"list","data":[)";
  for (const std::string& name : names) {
    text.append(&name == &names.front() ? "" : ",");
    text.append(R"({"id":")").append(name);
    text.append(R"(","object":"model","created":1700000000,"owned_by":"vllm","root":")");
    text.append(name).append(R"(","parent":null,"max_model_len":131072,"permission":[]})");
  }
  return text.append("]}");
}

std::string document(std::string_view type, std::string_view body) {
  std::string text =
      "HTTP/1.1 200 OK\r\ndate: Tue, 24 Nov 2026 12:00:00 GMT\r\nserver: uvicorn\r\n";
  text.append("content-length: ").append(std::to_string(body.size())).append("\r\n");
  if (!body.empty()) text.append("content-type: ").append(type).append("\r\n");
  return text.append("\r\n").append(body);
}

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\ndate: Tue, 24 Nov 2026 12:00:00 GMT\r\nserver: uvicorn\r\n"
    "content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";

constexpr std::string_view kStreamEnd = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";

/// What is asked for on the command line.
struct Settings {
  std::vector<std::uint16_t> ports;
  std::uint32_t addresses = 0;  ///< Of the fleet; 0: 127.0.0.1 alone.
  std::uint32_t models = 0;     ///< Of each address of the fleet, besides kModel.
  std::string metrics = {};     ///< The file with the page; empty: a short one.
};

struct Connection {
  int descriptor = -1;
  bool listens = false;
  std::size_t address = 0;  ///< The number of the address that it came to.
  std::string input = {};
  std::uint64_t body_left = 0;
  std::string output = {};  ///< What the socket did not take.
  std::string head = {};    ///< Of the request whose body is being read.
  std::uint64_t events_left = 0;
  std::int64_t gap_ns = 0;
  std::int64_t next_at = 0;
  bool streams = false;
};

struct Later {
  std::int64_t at;
  Connection* connection;
  bool operator<(const Later& other) const { return at > other.at; }
};

/// The value of a field; the names of the fields that are asked for are found in any case of
/// letters, since some gateways change it.
std::string_view field_of(std::string_view head, std::string_view name) {
  std::size_t at = head.find("\r\n");
  while (at != std::string_view::npos && at + 2 < head.size()) {
    const std::string_view line = head.substr(at + 2);
    const bool is_it = line.size() > name.size() && line[name.size()] == ':' &&
                       std::equal(name.begin(), name.end(), line.begin(),
                                  [](char a, char b) { return a == (b | 0x20) || a == b; });
    if (is_it) {
      const std::string_view value = line.substr(name.size() + 1);
      return value.substr(value.find_first_not_of(' '), value.find("\r\n"));
    }
    at = head.find("\r\n", at + 2);
  }
  return {};
}

template <class Number>
const char* read_number(const char* begin, const char* end, Number& out) {
  while (begin != end && *begin == ' ')
    ++begin;
  return std::from_chars(begin, end, out).ptr;
}

class Upstream {
 public:
  explicit Upstream(const Settings& settings)
      : metrics_(document("text/plain; version=0.0.4; charset=utf-8", page_of(settings))) {
    if (settings.addresses == 0) {
      models_.push_back(document("application/json", models_document({std::string(kModel)})));
      for (const std::uint16_t port : settings.ports)
        add_listener(listen_on(port), 0);
    }
    for (std::uint32_t i = 0; i < settings.addresses; ++i) {
      std::vector<std::string> names{std::string(kModel)};
      for (std::uint32_t n = 0; n < settings.models; ++n)
        names.push_back("organisation/model-" + std::to_string(i) + "-" + std::to_string(n));
      models_.push_back(document("application/json", models_document(names)));
      add_listener(listen_on(settings.ports.front(), kFleetAddress + i), i);
    }
  }

  [[noreturn]] void run() {
    for (;;) {
      const std::int64_t until = busy_.empty() ? (later_.empty() ? -1 : later_.top().at) : 0;
      for (const epoll_event& event : poller_.wait(until))
        handle(*static_cast<Connection*>(event.data.ptr), event.events);
      const std::int64_t now = now_ns();
      while (!later_.empty() && later_.top().at <= now) {
        Connection& due = *later_.top().connection;
        later_.pop();
        send_due_event(due);
      }
      std::vector<Connection*> turn;
      turn.swap(busy_);
      for (Connection* connection : turn)
        send_events(*connection);
      // Only now does nothing refer to them.
      closed_.clear();
    }
  }

 private:
  static std::string page_of(const Settings& settings) {
    if (settings.metrics.empty()) return std::string(kMetrics);
    std::ifstream file(settings.metrics);
    if (!file) die(settings.metrics.c_str());
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void add_listener(int descriptor, std::size_t address) {
    auto listener = std::make_unique<Connection>();
    listener->descriptor = descriptor;
    listener->listens = true;
    listener->address = address;
    poller_.add(listener->descriptor, EPOLLIN, listener.get());
    connections_.push_back(std::move(listener));
  }

  void handle(Connection& connection, std::uint32_t events) {
    if (connection.listens) return take(connection);
    if ((events & EPOLLOUT) != 0) flush(connection);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(connection);
  }

  void take(const Connection& listener) {
    for (int descriptor = accept_from(listener.descriptor); descriptor >= 0;
         descriptor = accept_from(listener.descriptor)) {
      auto connection = std::make_unique<Connection>();
      connection->descriptor = descriptor;
      connection->address = listener.address;
      poller_.add(descriptor, EPOLLIN, connection.get());
      connections_.push_back(std::move(connection));
    }
  }

  void read(Connection& connection) {
    const ssize_t size = recv(connection.descriptor, buffer_.data(), buffer_.size(), 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return end(connection);
    std::string_view bytes(buffer_.data(), static_cast<std::size_t>(size));
    if (connection.body_left > 0) {
      const std::size_t taken = std::min<std::size_t>(bytes.size(), connection.body_left);
      connection.body_left -= taken;
      bytes.remove_prefix(taken);
      if (connection.body_left == 0) answer(connection);
    }
    if (bytes.empty()) return;
    connection.input.append(bytes);
    const std::size_t head_end = connection.input.find("\r\n\r\n");
    if (head_end == std::string::npos) return;
    connection.head.assign(connection.input, 0, head_end + 2);
    std::uint64_t length = 0;
    const std::string_view text = field_of(connection.head, "content-length");
    read_number(text.data(), text.data() + text.size(), length);
    const std::size_t here = connection.input.size() - head_end - 4;
    connection.body_left = length - std::min<std::uint64_t>(length, here);
    connection.input.clear();
    if (connection.body_left == 0) answer(connection);
  }

  void answer(Connection& connection) {
    const std::string_view head = connection.head;
    if (head.starts_with("GET /health")) return send(connection, health_);
    if (head.starts_with("GET /v1/models")) return send(connection, models_[connection.address]);
    if (head.starts_with("GET /version")) return send(connection, version_);
    if (head.starts_with("GET /metrics")) return send(connection, metrics_);
    const std::string_view wish = field_of(head, kWishField);
    if (wish.empty()) return send(connection, completion_);
    const char* const end = wish.data() + wish.size();
    std::int64_t gap_us = 0;
    read_number(read_number(wish.data(), end, connection.events_left), end, gap_us);
    connection.gap_ns = gap_us * 1000;
    connection.streams = true;
    send(connection, kStreamHead);
    if (connection.gap_ns == 0) {
      busy_.push_back(&connection);
    } else {
      connection.next_at = now_ns() + connection.gap_ns;
      later_.push({connection.next_at, &connection});
    }
  }

  /// The next event of a stream with gaps. Its time is counted from the one before it, not from
  /// when that was sent: a late event makes no later ones.
  void send_due_event(Connection& connection) {
    if (!connection.streams) return;
    send_event(connection);
    if (!connection.streams) return;
    connection.next_at += connection.gap_ns;
    later_.push({connection.next_at, &connection});
  }

  /// Some events of a stream without gaps, until the socket takes no more.
  void send_events(Connection& connection) {
    for (int i = 0; i < kEventsPerTurn && connection.streams && connection.output.empty(); ++i)
      send_event(connection);
    if (connection.streams && connection.output.empty()) busy_.push_back(&connection);
  }

  void send_event(Connection& connection) {
    if (connection.events_left == 0) {
      connection.streams = false;
      return send(connection, kStreamEnd);
    }
    --connection.events_left;
    send(connection, event_.at(now_ns()));
  }

  void send(Connection& connection, std::string_view bytes) {
    if (connection.output.empty()) {
      const ssize_t sent = ::send(connection.descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) {
        connection.streams = false;  // Its end comes with the next read.
        return;
      }
      bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
      if (bytes.empty()) return;
      poller_.change(connection.descriptor, EPOLLIN | EPOLLOUT, &connection);
    }
    connection.output.append(bytes);
  }

  void flush(Connection& connection) {
    const std::string rest = std::exchange(connection.output, {});
    poller_.change(connection.descriptor, EPOLLIN, &connection);
    send(connection, rest);
    const bool goes_on = connection.streams && connection.gap_ns == 0 && connection.output.empty();
    if (goes_on) busy_.push_back(&connection);
  }

  void end(Connection& connection) {
    close(connection.descriptor);
    connection.streams = false;
    std::erase(busy_, &connection);
    // An event that is due later still points to a stream that was left; it is kept until then.
    std::priority_queue<Later> others;
    for (; !later_.empty(); later_.pop()) {
      if (later_.top().connection != &connection) others.push(later_.top());
    }
    later_.swap(others);
    const auto found = std::find_if(connections_.begin(), connections_.end(),
                                    [&](const auto& one) { return one.get() == &connection; });
    closed_.push_back(std::move(*found));
    *found = std::move(connections_.back());
    connections_.pop_back();
  }

  Poller poller_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> closed_;  ///< In this turn.
  std::vector<Connection*> busy_;                    ///< Streams without gaps that can go on.
  std::priority_queue<Later> later_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
  EventText event_;
  const std::string completion_ = document("application/json", kCompletion);
  const std::string version_ = document("application/json", kVersion);
  const std::string metrics_;
  std::vector<std::string> models_;  ///< The list of each address.
  const std::string health_ = document("", "");
};

}  // namespace
}  // namespace olla::bench

int main(int argc, char** argv) {
  CLI::App app("A bare upstream in the shape of vLLM's server.");
  olla::bench::Settings settings;
  app.add_option("--port", settings.ports, "Ports of 127.0.0.1 to listen on.")->required();
  app.add_option("--addresses", settings.addresses, "Addresses of a fleet, each with the port.");
  app.add_option("--models", settings.models, "Models of its own that each of them lists.");
  app.add_option("--metrics", settings.metrics, "A file with the page of metrics.");
  CLI11_PARSE(app, argc, argv);
  olla::bench::raise_file_limit();
  olla::bench::Upstream(settings).run();
}
