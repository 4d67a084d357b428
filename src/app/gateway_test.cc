#include "app/gateway.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <csignal>

namespace olla::app {
namespace {

using boost::asio::ip::tcp;

struct GatewayTest : testing::Test {
  GatewayTest() {
    config.server.host = "127.0.0.1";
    config.server.port = 0;
    config.server.threads = 1;
    config.logging.level = config::LogLevel::kError;
  }
  config::Config config;
};

TEST_F(GatewayTest, ListensAndEndsInOrderAtASignal) {
  for (const int signal : {SIGTERM, SIGINT}) {
    SCOPED_TRACE(signal);
    log::Logger logger(config.logging);
    std::uint16_t told = 0;
    bool connected = false;
    const auto on_listening = [&](std::uint16_t port) {
      told = port;
      boost::asio::io_context io;
      tcp::socket client(io);
      boost::system::error_code error;
      client.connect({boost::asio::ip::address_v4::loopback(), port}, error);
      connected = !error;
      std::raise(signal);
    };
    EXPECT_EQ(run_gateway(config, logger, on_listening, [] {}), 0);
    EXPECT_NE(told, 0);
    EXPECT_TRUE(connected);
  }
}

TEST_F(GatewayTest, FailsWhenItsPortIsTaken) {
  boost::asio::io_context io;
  tcp::acceptor other(io, {boost::asio::ip::address_v4::loopback(), 0});
  config.server.port = other.local_endpoint().port();
  log::Logger logger(config.logging);
  bool told = false;
  EXPECT_EQ(run_gateway(
                config, logger, [&](std::uint16_t) { told = true; }, [] {}),
            1);
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace olla::app
