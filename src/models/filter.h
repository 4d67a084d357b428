#pragma once

#include <string_view>

#include "config/config.h"

namespace olla::models {

/// Whether the endpoint's filter lets a model of this id through.
[[nodiscard]] bool passes(const config::ModelFilter& filter, std::string_view id);

/// Whether `text` is what the pattern stands for: '*' at its start, at its end or both stands for
/// any text, and the case of ASCII letters does not count.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace olla::models
