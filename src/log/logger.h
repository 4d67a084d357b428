#pragma once

#include <initializer_list>
#include <span>
#include <string_view>

#include "config/config.h"
#include "log/line.h"
#include "log/line_writer.h"

namespace olla::log {

/// Writes log lines to standard output or a file from a thread of its own, so that a slow reader of
/// the log or a slow disk never holds a request up: when kQueueLines wait, the oldest are dropped.
/// A line may wait LineWriter::kGather for others; that of an error does not.
///
/// The file is olla.log; when it is full it becomes olla.1.log, and so on.
///
/// Thread-safe. Secrets (header values, credentials) must not be handed in.
class Logger {
 public:
  static constexpr std::size_t kQueueLines = 16384;

  /// Throws spdlog::spdlog_ex, a std::exception, when the file cannot be opened.
  explicit Logger(const config::Logging& settings);
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  void debug(std::string_view message, std::initializer_list<Field> fields = {});
  void info(std::string_view message, std::initializer_list<Field> fields = {});
  void warn(std::string_view message, std::initializer_list<Field> fields = {});
  void error(std::string_view message, std::initializer_list<Field> fields = {});
  void write(config::LogLevel level, std::string_view message, std::span<const Field> fields);

 private:
  config::Logging settings_;
  LineWriter writer_;
};

}  // namespace olla::log
