#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/document.h"
#include "config/environment.h"
#include "config/problem.h"

namespace olla::config {

/// More header fields, or longer values, are a mistake in the file: servers refuse such heads.
inline constexpr std::size_t kEndpointHeadersMax = 64;
inline constexpr std::size_t kHeaderBytesMax = 8192;

/// What is wrong with `name` as the name of a header for endpoints, or "". Fits after a key path.
std::string header_name_fault(const std::string& name);

/// What is wrong with `value`, with its variables replaced, or "". Does not show it.
std::string header_value_fault(std::string_view value);

/// Reads an endpoint's `headers:` and substitutes environment variables in their values.
///
/// `path` is that of the mapping, for messages. Reports every name that is no token of RFC 9110, is
/// there twice in different cases, or belongs to the framing of a message, and every value that
/// cannot stand in a header. No message shows a value, which may be a secret.
std::vector<Header> read_headers(const Entry& headers, const std::string& path,
                                 const Environment& env, Problems& problems);

}  // namespace olla::config
