#pragma once

#include <cstdint>
#include <functional>

#include "config/config.h"
#include "log/logger.h"

namespace olla::app {

/// Runs the gateway until SIGTERM or SIGINT, and returns the exit code: 0 after an orderly end, 1
/// when it could not start. `on_listening` is told the port; `on_stopped` is called when the last
/// request is over, before anything is tidied up.
int run_gateway(const config::Config& config, log::Logger& logger,
                const std::function<void(std::uint16_t)>& on_listening,
                const std::function<void()>& on_stopped);

/// Ends the process with 0 in half a second, whatever it does then. For when everything is over but
/// the tidying up: what may still hang is not worth waiting for, a log that nobody reads or a name
/// server that does not answer.
void exit_soon();

/// Lets the process have as many file descriptors as the system allows it. Each proxied request
/// takes two.
void raise_file_limit();

}  // namespace olla::app
