#pragma once

#include "config/config.h"
#include "config/section.h"

namespace olla::config {

/// Reads the mapping `server`, with its limits and its cross-origin rules.
void read_server(const Section& section, Server& server);

}  // namespace olla::config
