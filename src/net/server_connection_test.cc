#include "net/server_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "test/loop.h"
#include "test/peer.h"

namespace olla::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Read = ServerConnection::Read;
using Write = ServerConnection::Write;
using testing::ElementsAre;

constexpr milliseconds kShort{20};

ConnectionRules generous() {
  ConnectionRules rules;
  rules.idle_timeout = seconds(30);
  rules.read_header_timeout = seconds(30);
  rules.read_timeout = seconds(30);
  rules.write_timeout = seconds(30);
  rules.head.bytes = 4096;
  rules.max_body_size = 1000;
  return rules;
}

struct Listener : LeaveListener {
  void on_client_left() override { ++left; }
  int left = 0;
};

/// A connection being served, and its client.
struct Served {
  Served(test::Loop& loop, Deadlines& deadlines, const ConnectionRules& rules)
      : Served(test::make_pair(loop), deadlines, rules) {}
  Served(test::Pair pair, Deadlines& deadlines, const ConnectionRules& rules)
      : connection(std::make_shared<ServerConnection>(std::move(pair.socket), deadlines, rules)),
        client(std::move(pair.peer)) {}

  std::shared_ptr<ServerConnection> connection;
  std::shared_ptr<test::Peer> client;
};

Awaitable<Read> read_request(ServerConnection& connection) {
  Read read = co_await connection.read_head();
  if (read == Read::kRequest) read = co_await connection.read_body();
  co_return read;
}

/// What was read of one request, as one text.
std::string described(ServerConnection& connection) {
  std::string out(connection.head().method);
  out.append(" ").append(connection.head().target).append(" ").append(connection.body().view());
  for (const http::Field& field : connection.trailers())
    out.append(" ").append(field.name).append("=").append(field.value);
  return out;
}

/// Serves requests until the client ends. Each is watched until the test opens the gate, as it is
/// while an endpoint works on the answer.
Awaitable<std::vector<std::string>> serve(ServerConnection& connection, Listener& listener,
                                          Waiter& gate) {
  std::vector<std::string> requests;
  for (;;) {
    const Read read = co_await read_request(connection);
    if (read == Read::kRefused) {
      requests.push_back("refused: " + std::string(connection.refusal().message));
    }
    if (read != Read::kRequest) co_return requests;
    requests.push_back(described(connection));
    connection.watch(listener);
    co_await gate.wait();
    connection.unwatch();
  }
}

struct ServerConnectionTest : testing::Test {
  ~ServerConnectionTest() override {
    for (Served& one : served) {
      one.client->close();
      one.connection->close();
    }
    deadlines.expire_all();
    loop.run_out();
  }
  Served& serve_new() { return served.emplace_back(loop, deadlines, rules); }
  Read read(ServerConnection& connection) { return run(loop, read_request(connection)); }
  /// The status with which `bytes` are refused; 0: they are not.
  int refusal_of(std::string_view bytes) {
    Served& one = serve_new();
    one.client->send(bytes);
    const Read result = read(*one.connection);
    return result == Read::kRefused ? one.connection->refusal().status : 0;
  }

  test::Loop loop;
  Deadlines deadlines{loop.io()};
  ConnectionRules rules = generous();
  std::deque<Served> served;
};

constexpr std::string_view kSized =
    "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\nfirst body 1";
constexpr std::string_view kChunked =
    "\r\nPOST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    "6;x=y\r\nsecond\r\n5\r\n body\r\n0\r\nSum: 7\r\n\r\n";
constexpr std::string_view kGet = "GET /c HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kLonger = "POST /d HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nend";

// The client may send the next requests at any moment of the answer before.
TEST_F(ServerConnectionTest, ReadsPipelinedRequestsHoweverTheyAreCut) {
  std::string wire;
  for (const std::string_view request : {kSized, kChunked, kGet, kLonger})
    wire.append(request);
  for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
    for (const bool while_answering : {false, true}) {
      SCOPED_TRACE(testing::Message() << "cut=" << cut << " while_answering=" << while_answering);
      Served one(loop, deadlines, rules);
      Listener listener;
      Waiter gate;
      test::Started<std::vector<std::string>> serving(loop, serve(*one.connection, listener, gate));
      const auto open_gate = [&] {
        loop.run_ready();
        for (; gate.waiting(); loop.run_ready())
          gate.wake();
      };
      one.client->send(wire.substr(0, cut));
      loop.run_ready();
      if (!while_answering) open_gate();
      if (while_answering && gate.waiting()) {
        gate.wake();  // The answer to the first one ends; the next is under way.
        loop.run_ready();
      }
      one.client->send(wire.substr(cut));
      open_gate();
      one.client->close_sending_side();
      EXPECT_THAT(serving.get(), ElementsAre("POST /a first body 1", "POST /b second body Sum=7",
                                             "GET /c ", "POST /d end"));
      one.connection->close();
      loop.run_ready();
      if (HasFailure()) return;
    }
  }
}

TEST_F(ServerConnectionTest, ReadsALargeBodyWhoseStartCameDuringTheAnswerBefore) {
  rules.max_body_size = 1 << 20;
  Served& one = serve_new();
  Listener listener;
  Waiter gate;
  test::Started<std::vector<std::string>> serving(loop, serve(*one.connection, listener, gate));
  one.client->send(kGet);
  loop.run_until([&] { return gate.waiting(); });
  std::string body;
  while (body.size() < 300'000)
    body.append(std::to_string(body.size())).append(",");
  one.client->send("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
                   "\r\n\r\n" + body.substr(0, 1000));
  loop.run_ready();
  gate.wake();
  loop.run_ready();
  one.client->send(std::string_view(body).substr(1000));
  loop.run_until([&] { return gate.waiting(); });
  one.client->close_sending_side();
  loop.run_until([&] { return listener.left > 0; });
  gate.wake();
  ASSERT_EQ(serving.get().size(), 2U);
  EXPECT_TRUE(serving.get()[1] == "POST /b " + body);  // Too long to print.
}

TEST_F(ServerConnectionTest, AnnouncesThatTheBodyMayCome) {
  Served& one = serve_new();
  one.client->read();
  test::Started<Read> reading(loop, read_request(*one.connection));
  one.client->send(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  loop.run_until([&] { return !one.client->received().empty(); });
  EXPECT_EQ(one.client->received(), "HTTP/1.1 100 Continue\r\n\r\n");
  one.client->send("ok");
  EXPECT_EQ(reading.get(), Read::kRequest);
  EXPECT_EQ(one.connection->body().view(), "ok");
}

TEST_F(ServerConnectionTest, DoesNotAnnounceABodyThatIsAlreadyComing) {
  Served& one = serve_new();
  one.client->read();
  one.client->send(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nok");
  EXPECT_EQ(read(*one.connection), Read::kRequest);
  loop.run_ready();
  EXPECT_EQ(one.client->received(), "");
}

TEST_F(ServerConnectionTest, RefusesABodyOverTheLimitBeforeAskingForIt) {
  Served& one = serve_new();
  one.client->read();
  one.client->send(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(read(*one.connection), Read::kRefused);
  EXPECT_EQ(one.connection->refusal().status, 413);
  loop.run_ready();
  EXPECT_EQ(one.client->received(), "");
}

TEST_F(ServerConnectionTest, RefusesWhatIsOverALimitOrBroken) {
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  const std::string long_field = "X: " + std::string(5000, 'x');
  EXPECT_EQ(refusal_of(post + "Content-Length: 1000\r\n\r\n" + std::string(1000, 'x')), 0);
  EXPECT_EQ(refusal_of(chunked + "3e8\r\n" + std::string(1000, 'x') + "\r\n0\r\n\r\n"), 0);
  EXPECT_EQ(refusal_of(post + "Content-Length: 1001\r\n\r\n"), 413);
  EXPECT_EQ(refusal_of(chunked + "3e9\r\n" + std::string(1001, 'x')), 413);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n" + long_field), 431);
  EXPECT_EQ(refusal_of(chunked + "0\r\n" + long_field), 431);
  EXPECT_EQ(refusal_of(chunked + "0\r\nbad trailer\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of(chunked + "zz\r\n"), 400);
  EXPECT_EQ(refusal_of("\x16\x03\x01"), 400) << "a TLS client";
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\n\n"), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n\r\n"), 400) << "no Host";
  EXPECT_EQ(refusal_of("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
  EXPECT_EQ(refusal_of(post + "Transfer-Encoding: gzip\r\n\r\n"), 501);
  EXPECT_EQ(refusal_of(post + "Expect: magic\r\n\r\n"), 417);
}

TEST_F(ServerConnectionTest, AClientThatLeavesInMidRequestIsNotAnswered) {
  for (const std::string_view part :
       {"", "GET / HT", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n123",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n1"}) {
    SCOPED_TRACE(part);
    Served& one = serve_new();
    one.client->send(part);
    one.client->close_sending_side();
    EXPECT_EQ(read(*one.connection), Read::kClosed);
  }
}

TEST_F(ServerConnectionTest, ClosesAnIdleConnectionWithoutAWord) {
  rules.idle_timeout = kShort;
  Served& one = serve_new();
  EXPECT_EQ(read(*one.connection), Read::kClosed);
}

TEST_F(ServerConnectionTest, ASlowHeadIsATimeout) {
  rules.read_header_timeout = kShort;
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\nHo"), 408);
}

TEST_F(ServerConnectionTest, ASlowBodyIsATimeout) {
  rules.read_timeout = kShort;
  EXPECT_EQ(refusal_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n123"), 408);
  EXPECT_EQ(refusal_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5"), 408);
}

TEST_F(ServerConnectionTest, ASlowSecondHeadIsATimeoutAndTheClientStillHearsIt) {
  rules.read_header_timeout = kShort;
  Served& one = serve_new();
  one.client->read();
  Listener listener;
  one.client->send(kGet);
  ASSERT_EQ(read(*one.connection), Read::kRequest);
  one.connection->watch(listener);
  one.client->send("GET / HT");
  loop.run_ready();
  one.connection->unwatch();
  EXPECT_EQ(read(*one.connection), Read::kRefused);
  EXPECT_EQ(one.connection->refusal().status, 408);
  EXPECT_FALSE(one.connection->client_left());
}

TEST_F(ServerConnectionTest, HearsTheClientLeaveByFinAndByReset) {
  for (const bool by_reset : {false, true}) {
    SCOPED_TRACE(by_reset);
    Served& one = serve_new();
    one.client->send(kGet);
    ASSERT_EQ(read(*one.connection), Read::kRequest);
    Listener listener;
    one.connection->watch(listener);
    loop.run_ready();
    EXPECT_EQ(listener.left, 0);
    if (by_reset) {
      one.client->reset();
    } else {
      one.client->close_sending_side();
    }
    loop.run_until([&] { return listener.left > 0; });
    EXPECT_TRUE(one.connection->client_left());
    EXPECT_EQ(listener.left, 1);
    one.connection->unwatch();
  }
}

TEST_F(ServerConnectionTest, HearsOfAClientThatHadLeftBeforeItWasWatched) {
  Served& one = serve_new();
  one.client->send(kGet);
  one.client->close_sending_side();
  ASSERT_EQ(read(*one.connection), Read::kRequest);
  Listener listener;
  one.connection->watch(listener);
  EXPECT_EQ(listener.left, 0) << "never inside the call";
  loop.run_until([&] { return listener.left > 0; });
  one.connection->unwatch();
}

TEST_F(ServerConnectionTest, NobodyIsToldOnceUnwatched) {
  Served& one = serve_new();
  one.client->send(kGet);
  ASSERT_EQ(read(*one.connection), Read::kRequest);
  Listener listener;
  one.connection->watch(listener);
  loop.run_ready();
  one.connection->unwatch();
  one.client->close();
  loop.run_ready();
  EXPECT_EQ(listener.left, 0);
  EXPECT_EQ(read(*one.connection), Read::kClosed);
}

TEST_F(ServerConnectionTest, HoldsAPipeliningClientBack) {
  Served& one = serve_new();
  one.client->send(kGet);
  ASSERT_EQ(read(*one.connection), Read::kRequest);
  Listener listener;
  one.connection->watch(listener);
  // Far more than the kernel buffers: it can only be taken by reading without bound.
  std::string flood;
  while (flood.size() < (64U << 20))
    flood.append(kGet);
  one.client->send(flood);
  loop.run_for(milliseconds(50));
  EXPECT_FALSE(one.client->all_sent());
  one.connection->unwatch();
  EXPECT_EQ(read(*one.connection), Read::kRequest);
  EXPECT_EQ(described(*one.connection), "GET /c ");
}

TEST_F(ServerConnectionTest, WritesWhatTheClientTakesAndThenTheRest) {
  Served& one = serve_new();
  const std::string first(3 << 20, 'a');
  const std::string second(20 << 20, 'b');
  ASSERT_EQ(one.connection->write_now(first, second), Write::kBlocked);
  EXPECT_TRUE(one.connection->stalled());
  const std::uint64_t taken = one.connection->bytes_written();
  EXPECT_LT(taken, first.size() + second.size());
  test::Started<bool> flushing(loop, one.connection->flush());
  loop.run_ready();
  EXPECT_FALSE(flushing.done());
  one.client->read();
  EXPECT_TRUE(flushing.get());
  EXPECT_FALSE(one.connection->stalled());
  EXPECT_EQ(one.connection->bytes_written(), first.size() + second.size());
  loop.run_until([&] { return one.client->received().size() == first.size() + second.size(); });
  EXPECT_TRUE(one.client->received() == first + second);
  EXPECT_EQ(one.connection->write_now("x"), Write::kDone);
}

TEST_F(ServerConnectionTest, AClientThatTakesNothingIsReset) {
  rules.write_timeout = kShort;
  Served& one = serve_new();
  const std::string bytes(20 << 20, 'a');
  EXPECT_FALSE(run(loop, one.connection->write(bytes)));
  EXPECT_FALSE(one.connection->is_open());
  EXPECT_FALSE(one.connection->stalled());
  one.client->read();
  loop.run_until([&] { return one.client->ended(); });
  EXPECT_TRUE(one.client->was_reset());
}

TEST_F(ServerConnectionTest, AWriteToAClientThatIsGoneFails) {
  Served& one = serve_new();
  one.client->reset();
  const std::string bytes(20 << 20, 'a');
  EXPECT_FALSE(run(loop, one.connection->write(bytes)));
  one.connection->close();
  EXPECT_EQ(one.connection->write_now("x"), Write::kFailed);
}

TEST_F(ServerConnectionTest, DrainingEndsAnIdleConnection) {
  Served& one = serve_new();
  test::Started<Read> reading(loop, read_request(*one.connection));
  loop.run_ready();
  one.connection->drain();
  EXPECT_EQ(reading.get(), Read::kClosed);
}

TEST_F(ServerConnectionTest, DrainingEndsAConnectionThatIsIdleAfterARequest) {
  Served& one = serve_new();
  Listener listener;
  Waiter gate;
  test::Started<std::vector<std::string>> serving(loop, serve(*one.connection, listener, gate));
  one.client->send(kGet);
  loop.run_until([&] { return gate.waiting(); });
  gate.wake();
  loop.run_ready();
  one.connection->drain();
  EXPECT_THAT(serving.get(), ElementsAre("GET /c "));
}

TEST_F(ServerConnectionTest, DrainingLetsARequestFinish) {
  Served& one = serve_new();
  test::Started<Read> reading(loop, read_request(*one.connection));
  one.client->send(kSized.substr(0, 10));
  loop.run_ready();
  one.connection->drain();
  one.client->send(kSized.substr(10));
  EXPECT_EQ(reading.get(), Read::kRequest);
  EXPECT_TRUE(one.connection->is_draining());
  EXPECT_EQ(read(*one.connection), Read::kClosed) << "but none after it";
}

TEST_F(ServerConnectionTest, ALingeringCloseLetsTheClientReadTheAnswer) {
  Served& one = serve_new();
  one.client->send(kGet);
  one.client->send(std::string(200'000, 'x'));  // Nobody will read it as a request.
  ASSERT_EQ(read(*one.connection), Read::kRequest);
  ASSERT_EQ(one.connection->write_now("HTTP/1.1 400 No\r\n\r\n"), Write::kDone);
  test::Started<void> closing(loop, one.connection->linger_and_close());
  one.client->read();
  loop.run_until([&] { return one.client->ended(); });
  EXPECT_FALSE(one.client->was_reset());
  EXPECT_EQ(one.client->received(), "HTTP/1.1 400 No\r\n\r\n");
  EXPECT_TRUE(one.connection->is_open()) << "waits for the client";
  one.client->close();
  closing.get();
  EXPECT_FALSE(one.connection->is_open());
}

TEST_F(ServerConnectionTest, ALingeringCloseDoesNotWaitForEver) {
  Served& one = serve_new();
  run(loop, one.connection->linger_and_close());
  EXPECT_FALSE(one.connection->is_open());
}

TEST_F(ServerConnectionTest, KnowsTheClientsAddress) {
  EXPECT_EQ(serve_new().connection->client_address(), "127.0.0.1");
}

}  // namespace
}  // namespace olla::net
