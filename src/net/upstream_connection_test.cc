#include "net/upstream_connection.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <deque>

#include "net/address.h"
#include "net/pool.h"
#include "test/loop.h"
#include "test/peer.h"
#include "test/scripted_server.h"

namespace olla::net {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

fleet::Address loopback(std::uint16_t port) {
  return literal_address("127.0.0.1", port).value();
}

/// A port of 127.0.0.1 whose host seems to be gone: nothing answers a connection attempt.
class DeafPort {
 public:
  explicit DeafPort(test::Loop& loop) : acceptor_(loop.io(), Tcp::v4()) {
    acceptor_.bind({asio::ip::address_v4::loopback(), 0});
    acceptor_.listen(0);
    // The kernel ignores attempts once the queue is full, and nobody takes these from it.
    for (int i = 0; i < 3; ++i) {
      Socket& socket = queued_.emplace_back(loop.io());
      socket.async_connect(acceptor_.local_endpoint(), [](error_code) {});
    }
  }
  [[nodiscard]] fleet::Address address() const {
    return loopback(acceptor_.local_endpoint().port());
  }

 private:
  Acceptor acceptor_;
  std::deque<Socket> queued_;
};

struct UpstreamConnectionTest : testing::Test {
  ~UpstreamConnectionTest() override {
    deadlines.expire_all();
    loop.run_ready();
  }
  std::unique_ptr<UpstreamConnection> connected(std::uint16_t port) {
    auto connection = std::make_unique<UpstreamConnection>(loop.io(), deadlines);
    const std::vector<fleet::Address> addresses = {loopback(port)};
    EXPECT_TRUE(run(loop, connection->connect(addresses, seconds(5))));
    return connection;
  }
  test::Peer& accepted() {
    loop.run_until([this] { return !server.connections().empty(); });
    return *server.connections().back();
  }
  /// A peer that takes no byte until it is told to read.
  std::shared_ptr<test::Peer> accept_unread() {
    return std::make_shared<test::Peer>(acceptor.accept());
  }

  test::Loop loop;
  Acceptor acceptor{loop.io(), Tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  Deadlines deadlines{loop.io()};
  test::ScriptedServer server{loop, test::stays_silent()};
};

TEST_F(UpstreamConnectionTest, SaysWhenNobodyListens) {
  const test::DeadPort dead(loop);
  UpstreamConnection connection(loop.io(), deadlines);
  const std::vector<fleet::Address> addresses = {loopback(dead.port())};
  const auto result = run(loop, connection.connect(addresses, seconds(5)));
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, Errc::kRefused);
  EXPECT_EQ(result.error().side, Side::kUpstream);
  EXPECT_FALSE(connection.is_open());
}

TEST_F(UpstreamConnectionTest, HasNothingToConnectToWithoutAnAddress) {
  UpstreamConnection connection(loop.io(), deadlines);
  const auto result = run(loop, connection.connect({}, seconds(5)));
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, Errc::kRefused);
}

TEST_F(UpstreamConnectionTest, TriesTheNextAddress) {
  const test::DeadPort dead(loop);
  UpstreamConnection connection(loop.io(), deadlines);
  const std::vector<fleet::Address> addresses = {loopback(dead.port()), loopback(server.port())};
  EXPECT_TRUE(run(loop, connection.connect(addresses, seconds(5))));
  EXPECT_TRUE(connection.is_open());
}

TEST_F(UpstreamConnectionTest, ASilentAddressLeavesTimeForTheNext) {
  const DeafPort deaf(loop);
  loop.run_ready();
  UpstreamConnection connection(loop.io(), deadlines);
  const std::vector<fleet::Address> addresses = {deaf.address(), loopback(server.port())};
  ASSERT_TRUE(run(loop, connection.connect(addresses, milliseconds(400))));
  EXPECT_TRUE(connection.is_open());
  EXPECT_EQ(accepted().received(), "");
}

TEST_F(UpstreamConnectionTest, OnlySilentAddressesAreATimeoutWithinTheLimit) {
  const DeafPort deaf(loop);
  loop.run_ready();
  UpstreamConnection connection(loop.io(), deadlines);
  const std::vector<fleet::Address> addresses = {deaf.address(), deaf.address()};
  const TimePoint before = Clock::now();
  const auto result = run(loop, connection.connect(addresses, milliseconds(60)));
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, Errc::kTimeout);
  EXPECT_GE(Clock::now() - before, milliseconds(59));
}

TEST_F(UpstreamConnectionTest, TriesNoOtherAddressOnceAllDeadlinesPassed) {
  const DeafPort deaf(loop);
  loop.run_ready();
  UpstreamConnection connection(loop.io(), deadlines);
  const std::vector<fleet::Address> addresses = {deaf.address(), deaf.address()};
  test::Started<Result<void>> started(loop, connection.connect(addresses, hours(1)));
  loop.run_ready();
  ASSERT_FALSE(started.done());
  deadlines.expire_all();
  const auto result = started.get();
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, Errc::kTimeout);
}

TEST_F(UpstreamConnectionTest, IsNotTheEndpointsFaultWhenDescriptorsRunOut) {
  UpstreamConnection connection(loop.io(), deadlines);
  const std::vector<fleet::Address> addresses = {loopback(server.port())};
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto result = run(loop, connection.connect(addresses, seconds(5)));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, Errc::kRefused);
  EXPECT_EQ(result.error().side, Side::kGateway);
}

TEST_F(UpstreamConnectionTest, DoesNotConnectOnceAborted) {
  UpstreamConnection connection(loop.io(), deadlines);
  connection.abort();
  const std::vector<fleet::Address> addresses = {loopback(server.port())};
  const auto result = run(loop, connection.connect(addresses, seconds(5)));
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, Errc::kCancelled);
  EXPECT_FALSE(connection.is_open());
}

TEST_F(UpstreamConnectionTest, AnAbortEndsConnecting) {
  UpstreamConnection connection(loop.io(), deadlines);
  const std::vector<fleet::Address> addresses = {loopback(server.port())};
  test::Started<Result<void>> started(loop, connection.connect(addresses, seconds(5)));
  loop.io().poll_one();  // Begins; the handshake's end is not handled yet.
  ASSERT_FALSE(started.done());
  connection.abort();
  const auto result = started.get();
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, Errc::kCancelled);
}

TEST_F(UpstreamConnectionTest, ReadsWhatComesAndSaysWhenItEnds) {
  const auto connection = connected(server.port());
  accepted().send("hello");
  EXPECT_TRUE(run(loop, connection->read(seconds(5))));
  EXPECT_EQ(connection->input().view(), "hello");
  accepted().close_sending_side();
  const auto end = run(loop, connection->read(seconds(5)));
  ASSERT_TRUE(end.has_error());
  EXPECT_EQ(end.error().code, Errc::kClosed);
  EXPECT_TRUE(connection->ended_in_order());
}

TEST_F(UpstreamConnectionTest, TellsAResetFromAnEnd) {
  const auto connection = connected(server.port());
  accepted().reset();
  const auto end = run(loop, connection->read(seconds(5)));
  ASSERT_TRUE(end.has_error());
  EXPECT_EQ(end.error().code, Errc::kClosed);
  EXPECT_FALSE(connection->ended_in_order());
}

TEST_F(UpstreamConnectionTest, ReadsAMegabyteInFewPieces) {
  const auto connection = connected(server.port());
  const std::string bytes(1 << 20, 'x');
  accepted().send(bytes);
  int reads = 0;
  while (connection->input().size() < bytes.size()) {
    ASSERT_TRUE(run(loop, connection->read(seconds(5))));
    ++reads;
  }
  EXPECT_EQ(connection->input().view(), bytes);
  EXPECT_LT(reads, 200);
}

TEST_F(UpstreamConnectionTest, ASilentPeerIsATimeout) {
  const auto connection = connected(server.port());
  const TimePoint before = Clock::now();
  const auto result = run(loop, connection->read(milliseconds(10)));
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, Errc::kTimeout);
  EXPECT_GE(Clock::now() - before, milliseconds(10));
  EXPECT_FALSE(connection->is_open());
}

TEST_F(UpstreamConnectionTest, AnAbortEndsReading) {
  const auto connection = connected(server.port());
  test::Started<Result<void>> reading(loop, connection->read(hours(1)));
  loop.run_ready();
  ASSERT_FALSE(reading.done());
  connection->abort();
  const auto result = reading.get();
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, Errc::kCancelled);
  loop.run_until([this] { return accepted().ended(); });
}

TEST_F(UpstreamConnectionTest, WritesBothPiecesHoweverLong) {
  const auto connection = connected(server.port());
  const std::string head = "head";
  const std::string body(8 << 20, 'b');
  EXPECT_TRUE(run(loop, connection->write(head, body, seconds(5))));
  loop.run_until([&] { return accepted().received().size() == head.size() + body.size(); });
  EXPECT_EQ(accepted().received(), head + body);
}

TEST_F(UpstreamConnectionTest, APeerThatTakesNothingIsATimeout) {
  const auto connection = connected(acceptor.local_endpoint().port());
  const std::string body(32 << 20, 'b');
  const auto result = run(loop, connection->write(body, {}, milliseconds(30)));
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, Errc::kTimeout);
}

TEST_F(UpstreamConnectionTest, StopsWritingForAPeerThatSpeaksAndTakesNoMore) {
  const std::string body(32 << 20, 'b');
  for (const bool before : {true, false}) {
    SCOPED_TRACE(before);
    auto connection = connected(acceptor.local_endpoint().port());
    const auto peer = accept_unread();
    if (before) peer->send("early");
    test::Started<Result<std::size_t>> writing(loop, connection->write("head", body, hours(1)));
    loop.run_ready();
    if (!before) peer->send("early");
    const auto written = writing.get();
    ASSERT_TRUE(written);
    EXPECT_LT(*written, body.size());
    EXPECT_TRUE(run(loop, connection->read(hours(1))));
    EXPECT_EQ(connection->input().view(), "early");

    peer->read();  // It was something interim: the rest is wanted.
    const std::string_view rest = std::string_view(body).substr(*written - 4);
    const auto rest_written = run(loop, connection->write(rest, {}, hours(1)));
    ASSERT_TRUE(rest_written);
    EXPECT_EQ(*rest_written, rest.size());
    loop.run_until([&] { return peer->received().size() == 4 + body.size(); });
    EXPECT_TRUE(peer->received() == "head" + body);  // Too long to print.
    peer->send("more");
    connection.reset();
    loop.run_until([&] { return peer->ended(); });
  }
}

TEST_F(UpstreamConnectionTest, StopsWritingForAPeerThatLeaves) {
  const std::string body(32 << 20, 'b');
  for (const bool by_reset : {false, true}) {
    SCOPED_TRACE(by_reset);
    const auto connection = connected(acceptor.local_endpoint().port());
    const auto peer = accept_unread();
    test::Started<Result<std::size_t>> writing(loop, connection->write(body, {}, hours(1)));
    loop.run_ready();
    ASSERT_FALSE(writing.done());
    if (by_reset) {
      peer->reset();
    } else {
      peer->close_sending_side();
    }
    const auto written = writing.get();
    if (written) {
      EXPECT_LT(*written, body.size());
    }
    const auto end = run(loop, connection->read(hours(1)));
    ASSERT_TRUE(end.has_error());
    EXPECT_EQ(end.error().code, Errc::kClosed);
    EXPECT_EQ(connection->ended_in_order(), !by_reset);
  }
}

TEST_F(UpstreamConnectionTest, AnAbortEndsWriting) {
  const auto connection = connected(acceptor.local_endpoint().port());
  const auto peer = accept_unread();
  const std::string body(32 << 20, 'b');
  test::Started<Result<std::size_t>> writing(loop, connection->write(body, {}, hours(1)));
  loop.run_ready();
  ASSERT_FALSE(writing.done());
  connection->abort();
  const auto result = writing.get();
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code, Errc::kCancelled);
}

TEST_F(UpstreamConnectionTest, IsQuietUntilBytesOrAnEndCome) {
  const auto quiet = connected(server.port());
  accepted();
  EXPECT_TRUE(quiet->is_quiet());
  accepted().send("?");
  loop.run_ready();
  EXPECT_FALSE(quiet->is_quiet());
  const auto ended = connected(server.port());
  loop.run_until([this] { return server.connections().size() == 2; });
  EXPECT_TRUE(ended->is_quiet());
  accepted().close();
  loop.run_ready();
  EXPECT_FALSE(ended->is_quiet());
}

struct PoolTest : UpstreamConnectionTest {
  Pool pool{deadlines};
  const EndpointId endpoint{3};
};

TEST_F(PoolTest, HandsOutTheLastOneFirst) {
  auto first = connected(server.port());
  auto second = connected(server.port());
  const UpstreamConnection* const first_one = first.get();
  const UpstreamConnection* const second_one = second.get();
  EXPECT_FALSE(first->is_reused());
  pool.give(endpoint, std::move(first));
  pool.give(endpoint, std::move(second));
  EXPECT_EQ(pool.take(EndpointId(4)), nullptr) << "another endpoint's";
  const auto taken = pool.take(endpoint);
  EXPECT_EQ(taken.get(), second_one);
  EXPECT_TRUE(taken->is_reused());
  EXPECT_EQ(pool.take(endpoint).get(), first_one);
  EXPECT_EQ(pool.take(endpoint), nullptr);
}

TEST_F(PoolTest, ChecksOneThatWasIdleForLong) {
  auto live = connected(server.port());
  loop.run_until([this] { return server.connections().size() == 1; });
  auto dead = connected(server.port());
  loop.run_until([this] { return server.connections().size() == 2; });
  server.connections()[1]->close();
  UpstreamConnection* const live_one = live.get();
  UpstreamConnection* const dead_one = dead.get();
  pool.give(endpoint, std::move(live));
  pool.give(endpoint, std::move(dead));
  live_one->idle_since = dead_one->idle_since = Clock::now() - std::chrono::seconds(5);
  EXPECT_EQ(pool.take(endpoint).get(), live_one);
  EXPECT_EQ(pool.take(endpoint), nullptr);
}

TEST_F(PoolTest, NeverHandsOutOneThatWasClosedHere) {
  auto closed = connected(server.port());
  closed->abort();
  pool.give(endpoint, std::move(closed));
  EXPECT_EQ(pool.take(endpoint), nullptr);
}

TEST_F(PoolTest, SweepsOutTheDeadAndTheOld) {
  auto dead = connected(server.port());
  loop.run_until([this] { return server.connections().size() == 1; });
  auto old = connected(server.port());
  auto young = connected(server.port());
  loop.run_until([this] { return server.connections().size() == 3; });
  UpstreamConnection* const dead_one = dead.get();
  UpstreamConnection* const old_one = old.get();
  const UpstreamConnection* const young_one = young.get();
  server.connections()[0]->close_sending_side();
  pool.give(endpoint, std::move(dead));
  pool.give(endpoint, std::move(old));
  pool.give(endpoint, std::move(young));
  dead_one->idle_since = Clock::now() - std::chrono::seconds(5);
  old_one->idle_since = Clock::now() - Pool::kMaxIdle - seconds(1);
  loop.run_until([this] { return server.connections()[1]->ended(); });
  EXPECT_TRUE(server.connections()[0]->ended());
  EXPECT_EQ(pool.take(endpoint).get(), young_one);
  EXPECT_EQ(pool.take(endpoint), nullptr);
}

TEST_F(PoolTest, KeepsABoundedNumberForEachEndpoint) {
  for (std::size_t i = 0; i < Pool::kMaxIdlePerEndpoint + 5; ++i) {
    // A connection that was never made takes no descriptor; the bound counts it all the same.
    pool.give(endpoint, std::make_unique<UpstreamConnection>(loop.io(), deadlines));
  }
  auto extra = connected(server.port());
  accepted();
  pool.give(endpoint, std::move(extra));
  loop.run_until([this] { return accepted().ended(); });
}

}  // namespace
}  // namespace olla::net
