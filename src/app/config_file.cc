#include "app/config_file.h"

#include <filesystem>
#include <system_error>

#include "config/override.h"

namespace olla::app {
namespace {

// Olla's, and one name of ours.
constexpr const char* kPlaces[] = {"config/config.local.yaml", "config/config.yaml", "config.yaml",
                                   "olla.yaml", "default.yaml"};

// Where `vllm serve` listens.
constexpr std::string_view kWithoutFile =
    "endpoints: [{url: 'http://localhost:8000', name: 'localhost:8000', type: vllm}]";

}  // namespace

std::optional<std::string> find_config_file(const config::Environment& env) {
  const auto named = env("OLLA_CONFIG_FILE");
  if (named && !named->empty()) return named;
  for (const char* place : kPlaces) {
    std::error_code error;
    if (std::filesystem::exists(place, error)) return place;
  }
  return std::nullopt;
}

bool shows_version(const config::Environment& env) {
  return config::truth(env("OLLA_SHOW_VERSION").value_or("")).value_or(false);
}

ChosenConfig choose_config(const std::optional<std::string>& file, const config::Environment& env) {
  const std::optional<std::string> used = file ? file : find_config_file(env);
  if (used) return {*used, config::load_file(*used, env)};
  return {"", config::load(kWithoutFile, env, config::system_secret_files())};
}

}  // namespace olla::app
