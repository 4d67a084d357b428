#pragma once

#include <span>
#include <string>
#include <string_view>

#include "http/field.h"

namespace olla::http {

/// Whether a client takes gzip, by its Accept-Encoding (RFC 9110, section 12.5.3).
[[nodiscard]] bool accepts_gzip(std::span<const Field> fields);

/// `text` in the gzip format (RFC 1952), at the fastest level.
[[nodiscard]] std::string gzip(std::string_view text);

}  // namespace olla::http
