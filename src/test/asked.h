#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/path.h"
#include "proxy/exchange.h"
#include "test/gateway.h"
#include "test/loop.h"
#include "test/peer.h"

namespace olla::test {

/// What an access line would say.
struct Outcome {
  bool keep = false;
  int status = 0;
  std::string endpoint;
  std::string error;
  std::uint64_t bytes = 0;
  std::uint32_t tries = 0;
  std::optional<double> queued_ms;
  std::optional<openai::Usage> usage;
};

inline net::Awaitable<Outcome> exchange_once(proxy::Services& services,
                                             net::ServerConnection& client,
                                             proxy::Exchange*& running) {
  using Read = net::ServerConnection::Read;
  Read read = co_await client.read_head();
  if (read == Read::kRequest) read = co_await client.read_body();
  EXPECT_EQ(read, Read::kRequest);
  const auto route = routing::match_route(client.head().target, *config::builtin_profiles());
  log::AccessEntry entry;
  entry.request_id = "id-1";
  proxy::Destination destination{route->provider, route->path, http::plain_path(route->path)};
  const proxy::Caller caller{limits::peer_address(client.client_address()), {}};
  proxy::Exchange exchange(services, client, std::move(destination), entry, caller);
  running = &exchange;
  Outcome outcome;
  outcome.keep = co_await exchange.run();
  running = nullptr;
  outcome.status = entry.status;
  outcome.endpoint = entry.endpoint;
  outcome.error = entry.error;
  outcome.bytes = entry.bytes;
  outcome.tries = entry.tries;
  outcome.queued_ms = entry.queued_ms;
  outcome.usage = entry.usage;
  co_return outcome;
}

/// One client's connection to the gateway, and the exchange on it.
class Asked {
 public:
  Asked(Gateway& gateway, std::string_view request) : Asked(gateway) { ask(request); }
  explicit Asked(Gateway& gateway) : gateway_(gateway), pair_(make_pair(gateway.loop)) {
    connection_ = std::make_shared<net::ServerConnection>(
        std::move(pair_.socket), gateway.services.deadlines, gateway.services.connection_rules);
    pair_.peer->read();
  }
  ~Asked() {
    pair_.peer->close();
    connection_->close();
    gateway_.loop.run_ready();
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  void ask(std::string_view request) {
    pair_.peer->send(request);
    running_.emplace(gateway_.loop, exchange_once(gateway_.services, *connection_, exchange_));
  }
  /// Waits for the end of the exchange; nothing may be in flight afterwards.
  const Outcome& outcome() {
    const Outcome& result = running_->get();
    gateway_.loop.run_ready();
    EXPECT_EQ(gateway_.in_flight(), 0U);
    return result;
  }
  [[nodiscard]] bool done() const { return running_->done(); }
  Peer& client() { return *pair_.peer; }
  net::ServerConnection& connection() { return *connection_; }
  /// Null when none runs.
  [[nodiscard]] proxy::Exchange* exchange() { return exchange_; }

 private:
  Gateway& gateway_;
  Pair pair_;
  std::shared_ptr<net::ServerConnection> connection_;
  proxy::Exchange* exchange_ = nullptr;
  std::optional<Started<Outcome>> running_;
};

inline std::string post(std::string_view body, std::string_view fields = {}) {
  return "POST /olla/vllm/v1/chat/completions HTTP/1.1\r\nHost: gw\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline constexpr std::string_view kBody = R"({"model":"m","messages":[]})";
inline constexpr std::string_view kGet = "GET /olla/vllm/version?x=1 HTTP/1.1\r\nHost: gw\r\n\r\n";
inline constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace olla::test
