#pragma once

#include <cstdint>
#include <functional>

#include "config/config.h"
#include "log/logger.h"

namespace olla::app {

/// Runs the gateway until SIGTERM or SIGINT, and returns the exit code: 0 after an orderly end, 1
/// when it could not start. `on_listening` is told the port.
int run_gateway(const config::Config& config, log::Logger& logger,
                const std::function<void(std::uint16_t)>& on_listening);

/// Lets the process have as many file descriptors as the system allows it. Each proxied request
/// takes two.
void raise_file_limit();

}  // namespace olla::app
