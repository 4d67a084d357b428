#include <cstdio>

#include "app/commands.h"
#include "app/config_file.h"
#include "app/gateway.h"

namespace olla::app {
namespace {

// A wrong config is told apart from a failure to start, so that a supervisor need not try again.
constexpr int kBadConfig = 2;

void print(const std::vector<config::Problem>& problems, const char* kind,
           const std::string& file) {
  for (const config::Problem& problem : problems)
    std::fprintf(stderr, "%s: %s\n", kind, config::to_text(problem, file).c_str());
}

ChosenConfig choose_system_config(const std::optional<std::string>& config_file) {
  return choose_config(config_file, config::system_environment(),
                       config::system_variables("OLLA_"));
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
  const ChosenConfig chosen = choose_system_config(config_file);
  const config::Loaded& loaded = chosen.loaded;
  if (!loaded.errors.empty()) {
    print(loaded.warnings, "warning", chosen.file);
    print(loaded.errors, "error", chosen.file);
    return kBadConfig;
  }
  log::Logger logger(loaded.config.logging);
  for (const config::Problem& warning : loaded.warnings)
    logger.warn("config", {{"warning", config::to_text(warning, chosen.file)}});
  if (chosen.file.empty()) explain_missing_file(logger);
  return run_gateway(
      loaded.config, logger, [](std::uint16_t) {}, exit_soon);
}

int check_command(const std::optional<std::string>& config_file) {
  ChosenConfig chosen = choose_system_config(config_file);
  config::Loaded& loaded = chosen.loaded;
  if (loaded.errors.empty()) {
    // A start looks at that when it listens.
    if (auto fault = listen_fault(loaded.config.server)) loaded.errors.push_back(std::move(*fault));
  }
  print(loaded.warnings, "warning", chosen.file);
  print(loaded.errors, "error", chosen.file);
  if (!loaded.errors.empty()) return kBadConfig;
  std::printf("%s: no errors, %zu warnings, %zu endpoints\n",
              chosen.file.empty() ? "no config file" : chosen.file.c_str(), loaded.warnings.size(),
              loaded.config.endpoints.size());
  return 0;
}

}  // namespace olla::app
