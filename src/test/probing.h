#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/discovery.h"
#include "proxy/prober.h"
#include "test/gateway.h"
#include "test/loop.h"
#include "test/names.h"
#include "test/peer.h"
#include "test/scripted_server.h"

namespace olla::test {

/// An endpoint that the test turns up and down.
class WatchedEndpoint {
 public:
  explicit WatchedEndpoint(Loop& loop)
      : server(loop, [this](Peer& peer, const std::string& request) {
          if (request.starts_with("GET /v1/models ")) {
            ++model_lists_asked;
            if (!models_silent) peer.send(model_list);
          } else if (request.starts_with("GET /version ")) {
            ++versions_asked;
            peer.send(version);
          } else {
            ++checks;
            if (!silent) peer.send(sized_answer(up ? "200 OK" : refusal, "", fields));
          }
        }) {}

  bool up = true;
  std::string refusal = "500 No";  ///< Of a check while it is not up.
  std::string fields;              ///< Of the answer to a check.
  bool silent = false;
  bool models_silent = false;
  int checks = 0;
  int model_lists_asked = 0;
  int versions_asked = 0;
  std::string version = sized_answer("200 OK", R"({"version":"0.11.0"})");
  std::string model_list = sized_answer("200 OK", R"({"data":[{"id":"b"},{"id":"a"}]})");
  ScriptedServer server;
};

inline config::Config checked_often(const std::vector<std::uint16_t>& ports) {
  config::Config config = config_for(ports);
  for (config::Endpoint& endpoint : config.endpoints) {
    endpoint.check_interval = std::chrono::milliseconds(5);
    endpoint.check_timeout = std::chrono::seconds(5);
  }
  return config;
}

/// A prober with its discovery, and what they published.
class Probing {
 public:
  Probing(Loop& loop, config::Config config_in)
      : config(std::move(config_in)),
        loop_(loop),
        discovery(asker_, fleet, config, logger,
                  {.changed = [this] { published.push_back(fleet.snapshot()); },
                   .read_again = [this] { ++lists_read_again; }}),
        prober(asker_, fleet, discovery, logger,
               {.changed = [this] { published.push_back(fleet.snapshot()); },
                .checked = [] {},
                .came_up = [this](EndpointId id) { came_up.push_back(id); }}) {
    discovery.start();
    prober.start();
  }
  ~Probing() {
    prober.stop();
    discovery.stop();
    deadlines_.expire_all();
    loop_.run_ready();
    names.release();
  }
  Probing(const Probing&) = delete;
  Probing& operator=(const Probing&) = delete;

  [[nodiscard]] fleet::Health health(std::size_t i = 0) const {
    return published.empty() ? fleet::Health::kUnknown : published.back()->endpoints[i].health;
  }
  void wait_for(fleet::Health health_wanted, std::size_t i = 0) {
    loop_.run_until([&] { return health(i) == health_wanted; });
  }

  const config::Config config;
  log::Logger logger{config.logging};
  fleet::Fleet fleet{config.endpoints};
  std::vector<std::shared_ptr<const fleet::Snapshot>> published;
  std::vector<EndpointId> came_up;
  int lists_read_again = 0;
  Names names;

 private:
  Loop& loop_;
  net::Deadlines deadlines_{loop_.io()};
  net::Resolver resolver_{loop_.io(), deadlines_, names.look_up()};
  proxy::Asker asker_{loop_.io(), deadlines_, resolver_};

 public:
  proxy::ModelDiscovery discovery;
  proxy::Prober prober;
};

}  // namespace olla::test
