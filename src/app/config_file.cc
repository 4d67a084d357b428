#include "app/config_file.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "config/override.h"

namespace olla::app {
namespace {

// Olla's, and one name of ours.
constexpr const char* kPlaces[] = {"config/config.local.yaml", "config/config.yaml", "config.yaml",
                                   "olla.yaml", "default.yaml"};

// Where `vllm serve` listens.
constexpr std::string_view kWithoutFile =
    "endpoints: [{url: 'http://localhost:8000', name: 'localhost:8000', type: vllm}]";

/// Why the log's file could not be written, or "". Creates nothing.
std::string log_fault(const config::Logging& logging) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path folder = fs::absolute(logging.directory, error);
  // What is not there yet is made in the first folder that is.
  while (!fs::exists(folder, error) && folder.has_relative_path())
    folder = folder.parent_path();
  if (!fs::is_directory(folder, error)) return "is or is below something that is not a directory";
  const fs::path file = fs::path(logging.directory) / "olla.log";
  const bool exists = fs::exists(file, error);
  const fs::path& written = exists ? file : folder;
  if (exists && fs::is_directory(file, error)) return "holds a directory of the name olla.log";
  return ::access(written.c_str(), W_OK) == 0 ? "" : "cannot be written";
}

ChosenConfig load_chosen(const std::optional<std::string>& file, const config::Environment& env) {
  if (file) return {*file, config::load_file(*file, env)};
  return {"", config::load(kWithoutFile, env, config::system_secret_files())};
}

}  // namespace

std::optional<std::string> find_config_file(const config::Environment& env) {
  auto named = env("OLLA_CONFIG_FILE");
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
  ChosenConfig chosen = load_chosen(file ? file : find_config_file(env), env);
  const config::Logging& logging = chosen.loaded.config.logging;
  if (chosen.loaded.errors.empty() && logging.output == config::LogOutput::kFile) {
    std::string fault = log_fault(logging);
    if (!fault.empty()) {
      chosen.loaded.errors.push_back({"logging.directory", 0, std::move(fault)});
    }
  }
  return chosen;
}

}  // namespace olla::app
