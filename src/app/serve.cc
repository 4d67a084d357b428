#include <cstdio>

#include "app/commands.h"
#include "app/gateway.h"
#include "config/load.h"

namespace olla::app {
namespace {

// A wrong config is told apart from a failure to start, so that a supervisor need not try again.
constexpr int kBadConfig = 2;

void print(const std::vector<config::Problem>& problems, const char* kind,
           const std::string& file) {
  for (const config::Problem& problem : problems)
    std::fprintf(stderr, "%s: %s\n", kind, config::to_text(problem, file).c_str());
}

/// What `olla` runs with when it is given no file: vLLM where `vllm serve` puts it.
config::Config without_file() {
  config::Config config;
  config::Endpoint endpoint;
  endpoint.url = "http://localhost:8000";
  endpoint.name = "localhost:8000";
  endpoint.type = "vllm";
  endpoint.address = {.scheme = "http", .host = "localhost", .path = "/", .port = 8000};
  endpoint.model_url = "/v1/models";
  endpoint.health_check_url = "/health";
  config.endpoints.push_back(std::move(endpoint));
  return config;
}

void explain_missing_file(log::Logger& logger) {
  logger.info(
      "no config file given: looking for vLLM at http://localhost:8000, and going on to look",
      {{"hint",
        "to name your servers write a file and run: olla serve -c FILE; it starts with "
        "\"endpoints:\", then for each server \"- url: http://HOST:8000\" and, below it, "
        "\"name: NAME\" and \"type: vllm\""}});
}

}  // namespace

int serve_command(const std::optional<std::string>& config_file) {
  config::Loaded loaded;
  if (config_file) {
    loaded = config::load_file(*config_file, config::system_environment());
  } else {
    loaded.config = without_file();
  }
  const std::string name = config_file.value_or(std::string());
  if (!loaded.errors.empty()) {
    print(loaded.warnings, "warning", name);
    print(loaded.errors, "error", name);
    return kBadConfig;
  }
  log::Logger logger(loaded.config.logging);
  for (const config::Problem& warning : loaded.warnings)
    logger.warn("config", {{"warning", config::to_text(warning, name)}});
  if (!config_file) explain_missing_file(logger);
  return run_gateway(
      loaded.config, logger, [](std::uint16_t) {}, exit_soon);
}

int check_command(const std::string& config_file) {
  const config::Loaded loaded = config::load_file(config_file, config::system_environment());
  print(loaded.warnings, "warning", config_file);
  print(loaded.errors, "error", config_file);
  if (!loaded.errors.empty()) return kBadConfig;
  std::printf("%s: no errors, %zu warnings, %zu endpoints\n", config_file.c_str(),
              loaded.warnings.size(), loaded.config.endpoints.size());
  return 0;
}

}  // namespace olla::app
