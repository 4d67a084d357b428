#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "config/load.h"

// load() takes any bytes: it neither throws nor hangs, what it accepts keeps its promises, and a
// value from the environment shows in no message.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string kSecret = "s3cret-of-the-fuzzer";
  const std::string_view yaml(reinterpret_cast<const char*>(data), size);
  const auto env = [](const std::string& name) -> std::optional<std::string> {
    if (name == "LINES") return kSecret + "\n";
    if (name == "UNSET" || name.starts_with("OLLA_")) return std::nullopt;
    return kSecret;
  };
  const olla::config::Loaded loaded = olla::config::load(
      yaml, env, [](const std::string&) -> olla::Result<std::string> { return kSecret; });
  const bool names_secret = yaml.find(kSecret) != std::string_view::npos;
  for (const auto* problems : {&loaded.errors, &loaded.warnings}) {
    for (const olla::config::Problem& problem : *problems) {
      const std::string text = to_text(problem, "fuzz.yaml");
      OLLA_CHECK(names_secret || text.find(kSecret) == std::string::npos);
      OLLA_CHECK(!problem.message.empty());
    }
  }
  // A profile is a document of its own; whatever it says, the table stays sound.
  std::vector<olla::config::Problem> faults;
  const auto profiles = olla::config::read_profiles({{"p.yaml", std::string(yaml)}}, faults);
  OLLA_CHECK(!profiles->openai_compatible().name.empty());
  if (!loaded.errors.empty()) return 0;
  OLLA_CHECK(loaded.config.server.request_limits.max_header_size >= 4096);
  const olla::config::Server& server = loaded.config.server;
  OLLA_CHECK(server.rate_limits.burst_size >= 1);
  OLLA_CHECK(!server.cors.enabled || !server.cors.allowed_origins.empty());
  OLLA_CHECK(!loaded.config.proxy.sticky_sessions.key_sources.empty());
  if (loaded.config.internal_access) {
    OLLA_CHECK(!loaded.config.internal_access->allowed_cidrs.empty());
  }
  for (const olla::config::ModelAlias& alias : loaded.config.model_aliases) {
    OLLA_CHECK(!alias.name.empty() && !alias.models.empty());
  }
  for (const olla::config::Endpoint& endpoint : loaded.config.endpoints) {
    OLLA_CHECK(!endpoint.name.empty() && endpoint.address.port != 0);
    OLLA_CHECK(!endpoint.model_url.empty() && !endpoint.health_check_url.empty());
    OLLA_CHECK(endpoint.check_timeout <= endpoint.check_interval);
    for (const olla::config::Header& header : endpoint.headers) {
      OLLA_CHECK(header.value.find_first_of("\r\n") == std::string::npos);
    }
  }
  return 0;
}
