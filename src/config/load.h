#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/environment.h"
#include "config/problem.h"
#include "config/profile_file.h"
#include "config/secret.h"

namespace olla::config {

/// What came of a configuration file.
struct Loaded {
  /// The text was read and is a document: its keys, and the variables that win over them, were
  /// looked at.
  bool read = false;
  Config config;                  ///< Meaningful only when `errors` is empty.
  std::vector<Problem> errors;    ///< Everything that is wrong, in the order of the lines.
  std::vector<Problem> warnings;  ///< What is ignored or may be meant otherwise.
};

/// Reads a configuration from YAML text, by the rules of docs/configuration.md.
///
/// Endpoints may stand in `endpoints` and in `discovery.static.endpoints`; both together make up
/// the fleet. `env` gives the values of ${NAME} where the document allows it and of the variables
/// that win over keys, and `files` the
/// secrets that the text names by file, and `profiles` the files that describe kinds of servers. No
/// problem's text holds a secret or a part of a URL. Does
/// not throw; the time and memory it takes are bounded by the limits of document.h, whatever the
/// text.
Loaded load(std::string_view yaml, const Environment& env, const SecretFiles& files,
            const ProfileFiles& profiles = no_profile_files());

/// load() with the secret files and the profiles of this system on the content of the file at
/// `path`. A file that cannot be read is one error.
Loaded load_file(const std::string& path, const Environment& env);

}  // namespace olla::config
