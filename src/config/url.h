#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "config/config.h"

namespace olla::config {

/// Parses an absolute http:// URL. The port defaults to 80; the host becomes lower case; an IPv6
/// address stands in brackets. A query is kept in `path`; an endpoint's own URL may not have one,
/// which the reader of endpoints checks.
///
/// Errors: kUnsupported for https://, kMalformed for everything else, including user:password@ and
/// a fragment. `detail` says what is wrong and shows no part of the URL: it may hold a password.
Result<Url> parse_url(std::string_view text);

/// Whether `text` says http:// or https:// in front, in any case.
bool is_absolute_url(std::string_view text);

/// `base` and `path` with exactly one slash between them.
std::string join_path(std::string_view base, std::string_view path);

/// Whether every character may stand in a request target: visible ASCII, no '#'.
bool is_target_text(std::string_view text);

}  // namespace olla::config
