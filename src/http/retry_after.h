#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace olla::http {

/// What a Retry-After field asks to wait (RFC 9110, section 10.2.3): seconds, or a date of the form
/// that today's servers send, counted from `now`; a date that has passed is no wait. More than
/// kRetryAfterMax is that much. nullopt: it is neither.
[[nodiscard]] std::optional<std::chrono::seconds> parse_retry_after(
    std::string_view value, std::chrono::system_clock::time_point now);

/// Longer than any wait that makes sense, and short enough to be added to any time.
inline constexpr std::chrono::hours kRetryAfterMax{24};

}  // namespace olla::http
