#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/environment.h"
#include "config/load.h"

namespace olla::app {

/// The config that a command works with.
struct ChosenConfig {
  std::string file;  ///< Its name, for messages; empty when there is no file.
  config::Loaded loaded;
};

/// The file to use when none is given: what OLLA_CONFIG_FILE names, or else the first of Olla's
/// places that exists in the working directory. nullopt: there is none.
std::optional<std::string> find_config_file(const config::Environment& env);

/// Whether OLLA_SHOW_VERSION asks for the version in place of a gateway.
bool shows_version(const config::Environment& env);

/// Loads `file`, or the one that find_config_file() finds, or else what olla runs with without a
/// file: vLLM where `vllm serve` puts it. An empty name is a file that does not exist. A log that
/// could not be written is an error too. `variables` are the names of all that `env` has which
/// begin with "OLLA_"; those that mean nothing, and a models.yaml of Olla's, cost a warning each:
/// but for the variables of a file that cannot be read, of which none was looked at.
ChosenConfig choose_config(const std::optional<std::string>& file, const config::Environment& env,
                           const std::vector<std::string>& variables);

/// Why a start on this machine could not listen, leaving aside that the port may be in use;
/// nullopt: it could.
std::optional<config::Problem> listen_fault(const config::Server& server);

}  // namespace olla::app
