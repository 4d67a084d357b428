#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "config/config.h"

namespace olla::log {

/// One named value of a log line. Views must live until the call that takes them returns.
struct Field {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, double> value;
};

/// As much of one text as a line repeats. Names and paths take under 200 bytes; a client's nonsense
/// of many megabytes shall not fill the queue of lines or the disk.
constexpr std::size_t kTextBytesMax = 1024;

/// Appends one line, without its line end, to `out`.
///
/// JSON: {"timestamp":"2026-01-02T03:04:05.678Z","level":"info","msg":"...","name":value,...}
/// Text: 2026-01-02T03:04:05.678Z INFO msg name=value name="value with spaces"
///
/// A text over kTextBytesMax is cut there, between two UTF-8 sequences, and ends with "...[cut]".
void append_line(config::LogFormat format, std::chrono::system_clock::time_point now,
                 config::LogLevel level, std::string_view message, std::span<const Field> fields,
                 std::string& out);

}  // namespace olla::log
