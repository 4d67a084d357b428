#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fleet/snapshot.h"
#include "net/address.h"
#include "proxy/services.h"
#include "test/loop.h"

namespace olla::test {

/// A config with one healthy endpoint on 127.0.0.1 for each port, named "e0", "e1", ...
inline config::Config config_for(const std::vector<std::uint16_t>& ports) {
  config::Config config;
  config.logging.level = config::LogLevel::kError;  // Failures are what these tests are about.
  for (const std::uint16_t port : ports) {
    config::Endpoint endpoint;
    endpoint.name = "e" + std::to_string(config.endpoints.size());
    endpoint.type = "vllm";
    endpoint.address = {.scheme = "http", .host = "127.0.0.1", .path = "/", .port = port};
    endpoint.url = "http://" + endpoint.address.authority();
    endpoint.model_url = "/v1/models";
    endpoint.health_check_url = "/health";
    config.endpoints.push_back(std::move(endpoint));
  }
  return config;
}

/// What one thread of the gateway works with, on the test's loop. Keeps what requests find out.
struct Gateway : private proxy::Findings {
  Gateway(Loop& loop_in, config::Config config_in)
      : loop(loop_in),
        config(std::move(config_in)),
        logger(config.logging),
        fleet(config.endpoints, config.profiles, config.proxy.breaker),
        services{.io = loop.io(),
                 .config = config,
                 .logger = logger,
                 .internal = internal,
                 .findings = *this,
                 .shared = shared,
                 .background = loop.io(),
                 .connection_rules = generous_rules(),
                 .deadlines = net::Deadlines(loop.io()),
                 .pool = net::Pool(services.deadlines),
                 .random = Random(1),
                 .recorder = shared.metrics.add_recorder(),
                 .snapshot = nullptr} {
    for (std::uint32_t i = 0; i < fleet.size(); ++i) {
      const config::Url& url = config.endpoints[i].address;
      fleet.set_addresses(EndpointId(i), {*net::literal_address(url.host, url.port)});
      fleet.set_health(EndpointId(i), fleet::Health::kHealthy);
    }
    services.snapshot = fleet.snapshot();
  }
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway() override {
    services.pool.clear();
    services.deadlines.expire_all();
    loop.run_ready();
  }

  static net::ConnectionRules generous_rules() {
    net::ConnectionRules rules;
    rules.idle_timeout = rules.read_header_timeout = std::chrono::seconds(30);
    rules.read_timeout = rules.write_timeout = std::chrono::seconds(30);
    rules.max_body_size = 64 << 20;
    return rules;
  }

  /// Stands in for the folder of the gateway's own documents, which knows of no tests.
  static net::Awaitable<std::optional<proxy::OwnAnswer>> answer_internal(
      proxy::Services& /*services*/, proxy::InternalRequest request) {
    std::optional<proxy::OwnAnswer> answer;
    if (request.path == "/internal/health") answer.emplace().body = "{}";
    co_return answer;
  }

  /// Requests in flight on all endpoints together.
  [[nodiscard]] std::uint32_t in_flight() const {
    std::uint32_t sum = 0;
    for (const fleet::EndpointView& view : services.snapshot->endpoints)
      sum += view.live->in_flight.load();
    return sum;
  }

  Loop& loop;
  config::Config config;
  log::Logger logger;
  fleet::Fleet fleet;
  std::vector<EndpointId> suspected;
  std::vector<EndpointId> draining;
  std::vector<std::pair<EndpointId, std::string>> missing_routes;
  int doubts = 0;
  int misses = 0;                 // Requests that had the model lists read anew.
  std::function<void()> on_miss;  // What the lists say then.
  bool holds_refreshes = false;   // Who wants model lists waits until the test calls them.
  std::vector<std::function<void(std::vector<proxy::ListReading>)>> refreshes;
  proxy::Internal internal = answer_internal;
  proxy::Shared shared{config};
  proxy::Services services;

 private:
  void failed(EndpointId id) override { suspected.push_back(id); }
  void drains(EndpointId id) override { draining.push_back(id); }
  void misses_route(EndpointId id, const std::string& path) override {
    missing_routes.emplace_back(id, path);
  }
  void models_in_doubt() override { ++doubts; }
  void refresh_models(std::function<void(std::vector<proxy::ListReading>)> done) override {
    model_missed(std::move(done));
  }
  void model_missed(std::function<void(std::vector<proxy::ListReading>)> done) override {
    ++misses;
    if (on_miss) on_miss();
    if (holds_refreshes) {
      refreshes.push_back(std::move(done));
    } else {
      done({{EndpointId(0), proxy::ListReading::Outcome::kRead}});
    }
  }
  void set_drained(EndpointId id, bool drained, std::function<void()> done) override {
    fleet.set_drained(id, drained);
    services.snapshot = fleet.snapshot();
    done();
  }
};

}  // namespace olla::test
