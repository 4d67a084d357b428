#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "config/environment.h"

namespace olla::config {

/// Longer secrets are a mistake: a header could not hold them.
inline constexpr std::size_t kSecretFileBytesMax = 64 << 10;

/// Reads the file that a secret is in. Handed in, so that tests and fuzzers open no files. The
/// `detail` of an error fits after a key path and does not hold what was read.
using SecretFiles = std::function<Result<std::string>(const std::string& path)>;

/// Reads regular files of at most kSecretFileBytesMax.
SecretFiles system_secret_files();

/// `text` without white space at its ends, as files that people write have it.
std::string_view trimmed(std::string_view text);

}  // namespace olla::config
