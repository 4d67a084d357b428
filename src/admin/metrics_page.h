#pragma once

#include <string>

#include "admin/picture.h"

namespace olla::admin {

/// The gateway's own metrics in the Prometheus text format 0.0.4: Olla's families under Olla's
/// names, types and labels, and more. docs/metrics.md explains each.
std::string metrics_page(const Picture& picture);

}  // namespace olla::admin
