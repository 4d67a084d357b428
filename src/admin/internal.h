#pragma once

#include <optional>
#include <string_view>

#include "proxy/services.h"

namespace olla::admin {

/// Answers the gateway's own documents: /internal/health and /version. GET and HEAD; any other
/// method is a 405. nullopt: not a path of this folder.
std::optional<proxy::OwnAnswer> answer_internal(std::string_view method, std::string_view path);

}  // namespace olla::admin
