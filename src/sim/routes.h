#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/dialect.h"

namespace olla::sim {

/// What a server is there for: one of them, or all.
enum class Service : std::uint8_t {
  kGenerate = 1,
  kEmbed = 2,
  kRerank = 4,
  kClassify = 8,
  kTranscribe = 16,
  kAll = 31,
};

/// The kind of that name, such as "embed"; nullopt when there is none.
std::optional<Service> service_of(std::string_view name);

/// When a route exists.
enum class Presence : std::uint8_t {
  kAlways,
  kNew,       ///< Not in old versions.
  kDev,       ///< Only in vLLM's development mode.
  kLora,      ///< Only where adapters may be changed at run time.
  kScaleOut,  ///< Not in old versions, and refuses everybody unless the server has a flag.
};

/// A path that the server answers.
struct Route {
  std::string_view path;
  std::string_view allow;     ///< Methods, as the allow header lists them.
  std::uint8_t services = 0;  ///< Of which servers: bits of Service.
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

/// All routes that such a server has, in no order that means anything.
std::vector<const Route*> served_routes(Service service, const RouteRules& rules);

/// The id in the path of a response, as in /v1/responses/{id} and /v1/responses/{id}/cancel.
std::string_view response_id(std::string_view path);

bool allows(const Route& route, std::string_view method);

/// The path of a request target, percent-decoded: an encoded letter finds its route too.
std::string decoded_path(std::string_view target);

}  // namespace olla::sim
