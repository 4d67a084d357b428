#pragma once

#include "config/config.h"
#include "log/line_writer.h"

namespace olla::log {

/// What writes lines where the settings say. It throws when they cannot be written or the full file
/// cannot be exchanged, and opens the file anew for the next lines. For one thread.
///
/// Throws spdlog::spdlog_ex, a std::exception, when the file cannot be opened.
[[nodiscard]] LineWriter::Sink make_sink(const config::Logging& settings);

}  // namespace olla::log
