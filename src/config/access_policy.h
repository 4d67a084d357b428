#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/section.h"

namespace olla::config {

/// Reads a list of networks into `out` and reports those that are none.
void read_cidrs(const Section& section, std::string_view key, std::vector<std::string>& out);

/// Who may use the gateway's own documents: what `internal` says, or else what `dashboard` says
/// when it gates them; nullopt when neither does. Both are mappings of the root.
std::optional<AccessPolicy> read_internal_access(const Section& internal, const Section& dashboard);

}  // namespace olla::config
