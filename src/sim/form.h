#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace olla::sim {

/// The value of a field of a multipart/form-data body (RFC 7578): what stands between the empty
/// line of its part and the next boundary. nullopt: no such body, or no such field.
std::optional<std::string_view> form_field(std::string_view content_type, std::string_view body,
                                           std::string_view name);

}  // namespace olla::sim
