#include "net/listener.h"

#include <gtest/gtest.h>

#include "test/loop.h"
#include "test/peer.h"

namespace olla::net {
namespace {

class Sink : public ConnectionSink {
 public:
  explicit Sink(asio::io_context& io) : io_(io) {}
  asio::io_context& io() override { return io_; }
  void serve(Socket socket) override { sockets.push_back(std::move(socket)); }

  std::vector<Socket> sockets;

 private:
  asio::io_context& io_;
};

TEST(ListenerTest, PortZeroOnLocalhostIsOnePortForAllAddresses) {
  test::Loop loop;
  Listener listener(loop.io());
  const auto port = listener.open("localhost", 0);
  ASSERT_TRUE(port);
  ASSERT_NE(*port, 0);
  Sink sink(loop.io());
  listener.start([&sink]() -> ConnectionSink& { return sink; });
  Socket v4(loop.io());
  v4.connect({asio::ip::address_v4::loopback(), *port});
  loop.run_until([&] { return sink.sockets.size() == 1; });
  Socket v6(loop.io());
  error_code error;
  v6.connect({asio::ip::address_v6::loopback(), *port}, error);
  if (!error) {  // A machine without IPv6 has only the first.
    loop.run_until([&] { return sink.sockets.size() == 2; });
  }
  listener.close();
  loop.run_out();
}

TEST(ListenerTest, PortZeroEvadesPortsThatOneOfTheAddressesHasNot) {
  test::Loop loop;
  // So many that, of 300 ports picked for ::1, one is all but certainly among them.
  std::vector<test::DeadPort> taken;
  for (int i = 0; i < 800; ++i)
    taken.emplace_back(loop);
  for (int i = 0; i < 300; ++i) {
    Listener listener(loop.io());
    const auto port = listener.open("localhost", 0);
    ASSERT_TRUE(port) << port.error().detail;
  }
}

/// Whether this machine has IPv6.
bool has_ipv6(test::Loop& loop) {
  Acceptor acceptor(loop.io());
  error_code error;
  acceptor.open(Tcp::v6(), error);
  if (!error) acceptor.bind({asio::ip::address_v6::loopback(), 0}, error);
  return !error;
}

TEST(ListenerTest, TheUnspecifiedAddressOfIpv6IsAllAddressesOfIpv4Too) {
  test::Loop loop;
  if (!has_ipv6(loop)) GTEST_SKIP() << "no IPv6 here";
  Listener listener(loop.io());
  const auto port = listener.open("::", 0);
  ASSERT_TRUE(port) << port.error().detail;
  Sink sink(loop.io());
  listener.start([&sink]() -> ConnectionSink& { return sink; });
  Socket v4(loop.io());
  v4.connect({asio::ip::address_v4::loopback(), *port});
  Socket v6(loop.io());
  v6.connect({asio::ip::address_v6::loopback(), *port});
  loop.run_until([&] { return sink.sockets.size() == 2; });
  listener.close();
  loop.run_out();
}

TEST(ListenerTest, AnAddressIsCheckedWithoutListening) {
  test::Loop loop;
  EXPECT_TRUE(Listener::check("localhost", 0));
  EXPECT_TRUE(Listener::check("0.0.0.0", 0));
  for (const char* host : {"192.0.2.1", "no-such-name.invalid", ":::1"})
    EXPECT_FALSE(Listener::check(host, 0)) << host;
  Listener listener(loop.io());
  const auto port = listener.open("127.0.0.1", 0);
  ASSERT_TRUE(port);
  EXPECT_TRUE(Listener::check("127.0.0.1", *port)) << "in use, which is no fault of the config";
}

TEST(ListenerTest, AnAddressInUseIsAnError) {
  test::Loop loop;
  Listener first(loop.io());
  const auto port = first.open("127.0.0.1", 0);
  ASSERT_TRUE(port);
  Listener second(loop.io());
  const auto refused = second.open("127.0.0.1", *port);
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().code, Errc::kRefused);
  EXPECT_EQ(refused.error().side, Side::kGateway);
  EXPECT_NE(refused.error().detail.find(std::to_string(*port)), std::string::npos);
}

TEST(ListenerTest, AnAddressThatThisMachineLacksIsAnError) {
  test::Loop loop;
  Listener listener(loop.io());
  const auto refused = listener.open("192.0.2.1", 0);  // Reserved for documentation, RFC 5737.
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().code, Errc::kRefused);
}

TEST(ListenerTest, HandsEachConnectionToWhomItIsTold) {
  test::Loop loop;
  Listener listener(loop.io());
  const std::uint16_t port = listener.open("127.0.0.1", 0).value();
  Sink first(loop.io());
  Sink second(loop.io());
  // The one for the next connection is chosen before it comes.
  bool to_first = false;
  listener.start([&]() -> ConnectionSink& {
    to_first = !to_first;
    return to_first ? first : second;
  });
  std::vector<std::shared_ptr<test::Peer>> clients;
  for (int i = 0; i < 4; ++i)
    clients.push_back(test::Peer::connect(loop, port));
  loop.run_until([&] { return first.sockets.size() + second.sockets.size() == 4; });
  EXPECT_EQ(first.sockets.size(), 2U);
  listener.close();
  loop.run_out();
}

TEST(ListenerTest, RefusesConnectionsOnceClosed) {
  test::Loop loop;
  Listener listener(loop.io());
  const std::uint16_t port = listener.open("127.0.0.1", 0).value();
  Sink sink(loop.io());
  listener.start([&sink]() -> ConnectionSink& { return sink; });
  loop.run_ready();
  listener.close();
  loop.run_out();  // The accept loops have ended.
  Socket late(loop.io());
  error_code error;
  late.connect({asio::ip::address_v4::loopback(), port}, error);
  EXPECT_EQ(error, asio::error::connection_refused);
}

}  // namespace
}  // namespace olla::net
