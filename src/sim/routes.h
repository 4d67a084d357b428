#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/dialect.h"

namespace olla::sim {

/// What a server is there for.
enum class Service : std::uint8_t { kGenerate, kEmbed, kTranscribe, kAll };

/// When a route exists.
enum class Presence : std::uint8_t {
  kAlways,
  kNew,   ///< Not in old versions.
  kDev,   ///< Only in vLLM's development mode.
  kLora,  ///< Only where adapters may be changed at run time.
};

/// A path that the server answers.
struct Route {
  std::string_view path;
  std::string_view allow;           ///< Methods, as the allow header lists them.
  Service service = Service::kAll;  ///< Of which servers; kAll: of every one.
  Presence presence = Presence::kAlways;
  std::string_view api = {};  ///< What the API is called where another service refuses it.
};

/// Whether a server for `service` has what the route stands for. One for kAll has everything.
bool serves(Service service, const Route& route);

/// The route of a decoded path, or nullptr. Routes of one response stand for all of them.
struct RouteRules {
  Dialect dialect = Dialect::kNew;
  bool dev_mode = false;
  bool lora_updating = false;
};
const Route* find_route(std::string_view path, const RouteRules& rules);

/// The id in the path of a response, as in /v1/responses/{id} and /v1/responses/{id}/cancel.
std::string_view response_id(std::string_view path);

bool allows(const Route& route, std::string_view method);

/// The path of a request target, percent-decoded: an encoded letter finds its route too.
std::string decoded_path(std::string_view target);

}  // namespace olla::sim
