#include "net/socket_watch.h"

#include <gtest/gtest.h>

#include <string>

#include "test/loop.h"
#include "test/peer.h"

namespace olla::net {
namespace {

struct SocketWatchTest : testing::Test, SocketListener {
  SocketWatchTest() {
    error_code ignored;
    pair.socket.non_blocking(true, ignored);
    watch.emplace(pair.socket, *this);
    watch->start();
  }
  ~SocketWatchTest() override {
    watch.reset();
    pair.peer->close();
    loop.run_ready();
  }
  void on_socket_event() override { ++events; }
  void on_socket_abandoned() override {}

  /// Of the next read.
  std::string read() { return read_of(64); }
  std::string read_of(std::size_t room) {
    std::string bytes(room, '\0');
    bytes.resize(watch->read(bytes.data(), room, error));
    return bytes;
  }
  /// Until the listener was told again.
  void await_event() {
    const int before = events;
    loop.run_until([&] { return events > before; });
  }
  void find_nothing() {
    EXPECT_EQ(read(), "");
    EXPECT_EQ(error, asio::error::would_block);
    EXPECT_FALSE(watch->may_read());
  }

  test::Loop loop;
  test::Pair pair = test::make_pair(loop);
  std::optional<SocketWatch> watch;
  int events = 0;
  error_code error;
};

TEST_F(SocketWatchTest, DoesNotKnowWhatCameBeforeItsStart) {
  EXPECT_TRUE(watch->may_read());
  find_nothing();
}

TEST_F(SocketWatchTest, TellsOfEachPieceAndKnowsWhenAllIsRead) {
  find_nothing();
  for (const std::string_view piece : {"one", "two", "three"}) {
    pair.peer->send(piece);
    await_event();
    EXPECT_TRUE(watch->may_read());
    EXPECT_EQ(read(), piece);
    EXPECT_FALSE(watch->may_read());
  }
}

TEST_F(SocketWatchTest, NotesWhatComesWhileNobodyReads) {
  find_nothing();
  pair.peer->send("one");
  await_event();
  pair.peer->send("two");
  await_event();
  EXPECT_EQ(read(), "onetwo");
  EXPECT_FALSE(watch->may_read());
}

TEST_F(SocketWatchTest, KnowsThatMoreIsThereThanWasRead) {
  find_nothing();
  pair.peer->send("onetwo");
  await_event();
  EXPECT_EQ(read_of(3), "one");
  EXPECT_TRUE(watch->may_read());
  EXPECT_EQ(read_of(3), "two");
  EXPECT_FALSE(watch->may_read());
}

// One event tells of both when they come together, and no second one would follow.
TEST_F(SocketWatchTest, KnowsOfAnEndRightBehindTheBytes) {
  find_nothing();
  pair.peer->send("last");
  pair.peer->close_sending_side();
  await_event();
  loop.run_ready();
  EXPECT_EQ(read(), "last");
  EXPECT_TRUE(watch->may_read());
  EXPECT_EQ(read(), "");
  EXPECT_EQ(error, asio::error::eof);
}

TEST_F(SocketWatchTest, KnowsOfAResetRightBehindTheBytes) {
  find_nothing();
  pair.peer->send("last");
  pair.peer->reset();
  await_event();
  loop.run_ready();
  // Whether the kernel still gives the bytes is its own affair.
  if (read() == "last") {
    EXPECT_TRUE(watch->may_read());
    EXPECT_EQ(read(), "");
  }
  EXPECT_EQ(error, asio::error::connection_reset);
}

TEST_F(SocketWatchTest, TellsWhenTheSocketTakesBytesAgain) {
  const std::string piece(64 * 1024, 'x');
  while (!error)
    pair.socket.write_some(asio::buffer(piece), error);
  ASSERT_EQ(error, asio::error::would_block);
  watch->await_writable();
  watch->take_writable();
  pair.peer->read();
  loop.run_until([&] { return watch->take_writable(); });
  EXPECT_FALSE(watch->take_writable());
}

TEST_F(SocketWatchTest, TellsWhenTheSocketIsClosed) {
  find_nothing();
  pair.socket.close(error);
  await_event();
}

TEST_F(SocketWatchTest, TellsLaterWhenItIsKicked) {
  loop.run_ready();
  events = 0;
  watch->kick();
  watch->kick();
  EXPECT_EQ(events, 0);
  loop.run_ready();
  EXPECT_EQ(events, 1);
}

TEST_F(SocketWatchTest, TellsNobodyAfterItsEnd) {
  find_nothing();
  watch->kick();
  pair.peer->send("one");
  watch.reset();
  loop.run_ready();
  EXPECT_EQ(events, 0);
}

TEST_F(SocketWatchTest, GoesOnWithTheNextSocket) {
  test::Pair next = test::make_pair(loop);
  pair.socket.close(error);
  pair.socket = std::move(next.socket);
  watch->start();
  loop.run_ready();
  find_nothing();
  next.peer->send("one");
  await_event();
  EXPECT_EQ(read(), "one");
  next.peer->close();
}

}  // namespace
}  // namespace olla::net
