#include "proxy/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/gateway.h"
#include "test/loop.h"
#include "test/peer.h"
#include "test/scripted_server.h"

namespace olla::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kGet = "GET /olla/vllm/v1/audio/x HTTP/1.1\r\nHost: gw\r\n\r\n";

config::Config config_of(std::uint16_t port) {
  config::Config config = test::config_for({port});
  config.server.host = "127.0.0.1";
  config.server.port = 0;
  config.server.threads = 2;
  config.endpoints[0].check_timeout = seconds(15);
  return config;
}

/// A whole gateway: its control thread is the test, its workers are threads.
struct ServerTest : testing::Test {
  /// Starts and returns the port.
  std::uint16_t start() { return server.start().value(); }
  std::shared_ptr<test::Peer> connect(std::uint16_t port) {
    auto client = test::Peer::connect(loop, port);
    client->read();
    return client;
  }
  void stop() {
    server.stop([this] { stopped = true; });
  }
  void wait_until_stopped() {
    loop.run_until([this] { return stopped; });
  }

  test::Loop loop;
  bool healthy = true;
  test::ScriptedServer endpoint{loop, [this](test::Peer& peer, const std::string& request) {
                                  if (request.starts_with("GET /v1/audio/x ")) {
                                    ++asked;
                                    asker = &peer;
                                    if (answering) peer.send(test::sized_answer("200 OK", "yes"));
                                  } else if (healthy) {
                                    peer.send(test::sized_answer("200 OK", R"({"data":[]})"));
                                  }
                                }};
  config::Config config = config_of(endpoint.port());
  log::Logger logger{config.logging};
  Server server{loop.io(), config, logger, test::Gateway::answer_internal};
  int asked = 0;
  test::Peer* asker = nullptr;  // The connection of the last request.
  bool answering = true;
  bool stopped = false;
};

TEST_F(ServerTest, ServesManyConnectionsAndStops) {
  const std::uint16_t port = start();
  std::vector<std::shared_ptr<test::Peer>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(connect(port));
    clients.back()->send(kGet);
  }
  for (const auto& client : clients) {
    loop.run_until([&] { return client->received().ends_with("yes"); });
    EXPECT_THAT(client->received(), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
  stop();
  wait_until_stopped();
  for (const auto& client : clients)
    loop.run_until([&] { return client->ended(); });
}

TEST_F(ServerTest, FinishesWhatRunsBeforeItStops) {
  answering = false;
  const auto client = connect(start());
  client->send(kGet);
  loop.run_until([this] { return asked == 1; });
  stop();
  loop.run_for(milliseconds(50));
  EXPECT_FALSE(stopped);
  asker->send(test::sized_answer("200 OK", "late"));
  wait_until_stopped();
  loop.run_until([&] { return client->ended(); });
  EXPECT_THAT(client->received(), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(client->received(), EndsWith("late"));
}

TEST_F(ServerTest, CutsWhatDoesNotFinishInTime) {
  answering = false;
  config.server.shutdown_timeout = milliseconds(30);
  const auto client = connect(start());
  client->send(kGet);
  loop.run_until([this] { return asked == 1; });
  stop();
  wait_until_stopped();
  loop.run_until([&] { return client->ended(); });
  EXPECT_TRUE(client->was_reset());
}

TEST_F(ServerTest, ASecondStopCutsAtOnce) {
  answering = false;
  config.server.shutdown_timeout = std::chrono::hours(1);
  const auto client = connect(start());
  client->send(kGet);
  loop.run_until([this] { return asked == 1; });
  stop();
  loop.run_ready();
  stop();
  wait_until_stopped();
}

TEST_F(ServerTest, AHealthCheckThatHangsDoesNotHoldTheStopUp) {
  healthy = false;
  start();
  loop.run_until([this] { return !endpoint.requests().empty(); });
  const TimePoint before = Clock::now();
  stop();
  wait_until_stopped();
  loop.run_until([this] { return endpoint.connections().front()->ended(); });
  EXPECT_LT(Clock::now() - before, seconds(5));
}

TEST_F(ServerTest, SaysThatItsAddressIsTaken) {
  test::ScriptedServer other(loop, test::stays_silent());
  config.server.port = other.port();
  const auto port = server.start();
  ASSERT_TRUE(port.has_error());
  EXPECT_EQ(port.error().code, Errc::kRefused);
}

}  // namespace
}  // namespace olla::proxy
