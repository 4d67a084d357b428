#include "sim/server.h"

#include <gtest/gtest.h>

#include <boost/asio/buffers_iterator.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <thread>

namespace olla::sim {
namespace {

namespace asio = net::asio;

/// A blocking client. It has no deadline of its own: the test runner has.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(io_) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), port});
  }

  void send(std::string_view bytes) { asio::write(socket_, asio::buffer(bytes)); }

  /// Everything up to and with `end`.
  std::string read_until(std::string_view end) {
    const std::size_t size = asio::read_until(socket_, asio::dynamic_buffer(received_), end);
    std::string out = received_.substr(0, size);
    received_.erase(0, size);
    return out;
  }

  std::string read_to_the_end() {
    boost::system::error_code error;
    asio::read(socket_, asio::dynamic_buffer(received_), error);
    EXPECT_EQ(error, asio::error::eof);
    return std::move(received_);
  }

  void close_sending_side() { socket_.shutdown(asio::ip::tcp::socket::shutdown_send); }
  void close() { socket_.close(); }

 private:
  asio::io_context io_;
  asio::ip::tcp::socket socket_;
  std::string received_;
};

std::string post(std::string_view target, std::string_view body, std::string_view fields = {}) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: sim\r\n" + std::string(fields) +
         "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

/// A server on a thread of its own, with a clock of its own: the first token comes at once or
/// never.
class RunningServer {
 public:
  explicit RunningServer(Duration ttft) : server_(io_, options(ttft)) {
    port_ = server_.start().value();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~RunningServer() { stop(); }

  /// Returns once nothing is left to do, which a connection that was not cut would prevent.
  void stop() {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] { server_.stop(); });
    thread_.join();
  }

  /// What the metrics say about one gauge or counter.
  std::string metric(std::string_view name) const {
    Client client(port_);
    client.send("GET /metrics HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n");
    const std::string text = client.read_to_the_end();
    const std::size_t at = text.find("\n" + std::string(name) + "{");
    const std::size_t value = text.find("} ", at) + 2;
    return text.substr(value, text.find('\n', value) - value);
  }

  void wait_until_metric_is(std::string_view name, std::string_view value) const {
    for (int tries = 0; tries < 2000 && metric(name) != value; ++tries) {
    }
    EXPECT_EQ(metric(name), value);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const EngineStats& stats() const { return server_.stats(); }

 private:
  static ServerOptions options(Duration ttft) {
    ServerOptions out;
    out.models = {"tiny"};
    out.rules.ttft = ttft;
    out.rules.itl = std::chrono::microseconds(100);
    return out;
  }

  asio::io_context io_{1};
  Server server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

constexpr std::chrono::hours kNever{24};
constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kRunning = "vllm:num_requests_running";

std::string chat(bool stream) {
  return R"({"messages":[{"role":"user","content":"hi"}],"max_tokens":5,"stream":)" +
         std::string(stream ? "true}" : "false}");
}

TEST(SimServerTest, AnswersSeveralRequestsOnOneConnection) {
  RunningServer server({});
  Client client(server.port());
  client.send("GET /version HTTP/1.1\r\nHost: sim\r\n\r\n" + post(kChat, chat(false)) +
              "GET /health HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\ndate: "));
  EXPECT_EQ(client.read_until("}"), R"({"version":"0.32.0"})");
  EXPECT_NE(client.read_until("\"metrics\":null}").find("chat.completion"), std::string::npos);
  const std::string last = client.read_to_the_end();
  EXPECT_TRUE(last.starts_with("HTTP/1.1 200 OK"));
  EXPECT_TRUE(last.ends_with("content-length: 0\r\nvary: Origin\r\nconnection: close\r\n\r\n"));
}

TEST(SimServerTest, StreamsEachEventAsAChunkAndKeepsTheConnection) {
  RunningServer server({});
  Client client(server.port());
  for (int round = 0; round < 2; ++round) {
    client.send(post(kChat, chat(true)));
    const std::string head = client.read_until("\r\n\r\n");
    EXPECT_TRUE(head.ends_with("vary: Origin\r\ntransfer-encoding: chunked\r\n\r\n"));
    int events = 0;
    for (;;) {
      const auto size = std::stoul(client.read_until("\r\n"), nullptr, 16);
      const std::string chunk = client.read_until(size > 0 ? "\n\n\r\n" : "\r\n");
      if (size == 0) break;
      EXPECT_EQ(chunk.size(), size + 2);
      EXPECT_TRUE(chunk.starts_with("data: "));
      ++events;
    }
    EXPECT_EQ(events, 1 + 5 + 1);  // the role, five tokens, [DONE]
  }
}

TEST(SimServerTest, SendsTheHeadOfAStreamBeforeTheFirstToken) {
  RunningServer server(kNever);
  Client client(server.port());
  client.send(post(kChat, chat(true)));
  EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(server.metric(kRunning), "1.0");
}

TEST(SimServerTest, AbortsWhenTheClientCloses) {
  RunningServer server(kNever);
  for (const bool stream : {false, true}) {
    Client client(server.port());
    client.send(post(kChat, chat(stream)));
    server.wait_until_metric_is(kRunning, "1.0");
    client.close();
    server.wait_until_metric_is(kRunning, "0.0");
  }
  server.stop();
  EXPECT_EQ(server.stats().aborted, 2U);
}

TEST(SimServerTest, TakesAHalfClosedClientForGone) {
  RunningServer server(kNever);
  Client client(server.port());
  client.send(post(kChat, chat(false)));
  client.close_sending_side();
  EXPECT_EQ(client.read_to_the_end(), "");
  EXPECT_EQ(server.metric(kRunning), "0.0");
}

TEST(SimServerTest, RefusesWhatIsNoHttp) {
  RunningServer server({});
  Client client(server.port());
  client.send("hello world\r\n\r\n");
  EXPECT_TRUE(client.read_to_the_end().ends_with("\r\n\r\nInvalid HTTP request received."));
}

TEST(SimServerTest, AnswersHeadWithoutABody) {
  RunningServer server({});
  Client client(server.port());
  client.send("HEAD /health HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n");
  const std::string answer = client.read_to_the_end();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_TRUE(answer.ends_with("connection: close\r\n\r\n"));
}

TEST(SimServerTest, StopsInTheMiddleOfStreams) {
  RunningServer server(kNever);
  Client streaming(server.port());
  streaming.send(post(kChat, chat(true)));
  streaming.read_until("\r\n\r\n");
  Client waiting(server.port());
  waiting.send(post(kChat, chat(false)));
  server.wait_until_metric_is(kRunning, "2.0");
  Client idle(server.port());
  server.stop();  // returns, and so every connection was cut
  EXPECT_EQ(server.stats().aborted, 2U);
}

TEST(SimServerTest, FallsSilentAndRefusesWhenItHangs) {
  RunningServer server(kNever);
  Client streaming(server.port());
  streaming.send(post(kChat, chat(true)));
  streaming.read_until("\r\n\r\n");
  Client idle(server.port());
  idle.send("GET /health HTTP/1.1\r\nHost: sim\r\n\r\n");
  idle.read_until("\r\n\r\n");
  Client control(server.port());
  control.send("POST /sim/hang HTTP/1.1\r\nHost: sim\r\nContent-Length: 0\r\n\r\n");
  EXPECT_NE(control.read_to_the_end().find("connection: close"), std::string::npos);
  EXPECT_EQ(idle.read_to_the_end(), "");
  EXPECT_THROW(Client{server.port()}, boost::system::system_error);
  server.stop();
  EXPECT_EQ(server.stats().aborted, 1U);  // the stream, only now
}

TEST(SimServerTest, EndsStreamsCleanlyWhenTheEngineDies) {
  RunningServer server(kNever);
  Client streaming(server.port());
  streaming.send(post(kChat, chat(true)));
  streaming.read_until("\r\n\r\n");
  Client control(server.port());
  control.send("POST /sim/kill_engine HTTP/1.1\r\nHost: sim\r\nContent-Length: 0\r\n\r\n");
  const std::string rest = streaming.read_until("\r\n0\r\n\r\n");
  EXPECT_TRUE(rest.starts_with("a9\r\ndata: {\"error\": {\"message\": \"EngineCore "));
  EXPECT_TRUE(rest.ends_with("\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"));
}

TEST(SimServerTest, SaysThatItsPortIsTaken) {
  RunningServer server({});
  asio::io_context io(1);
  ServerOptions options;
  options.models = {"tiny"};
  options.port = server.port();
  Server second(io, options);
  const auto port = second.start();
  ASSERT_TRUE(port.has_error());
  EXPECT_EQ(port.error().code, Errc::kRefused);
}

}  // namespace
}  // namespace olla::sim
