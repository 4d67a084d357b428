#pragma once

#include "config/config.h"
#include "config/section.h"

namespace olla::config {

/// Reads the mapping `proxy` and those at the top that belong to it: `retry`, `queue`, `breaker`.
void read_proxy(const Section& root, Proxy& proxy);

/// Reads when the results of checks count: the mapping `health`, or the same keys of an endpoint.
void read_health_rules(const Section& section, HealthRules& rules);

}  // namespace olla::config
