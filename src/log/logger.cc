#include "log/logger.h"

#include <chrono>

#include "log/sink.h"

namespace olla::log {

Logger::Logger(const config::Logging& settings)
    : settings_(settings), writer_(make_sink(settings), {.lines_max = kQueueLines}) {}

void Logger::debug(std::string_view message, std::initializer_list<Field> fields) {
  write(config::LogLevel::kDebug, message, {fields.begin(), fields.size()});
}
void Logger::info(std::string_view message, std::initializer_list<Field> fields) {
  write(config::LogLevel::kInfo, message, {fields.begin(), fields.size()});
}
void Logger::warn(std::string_view message, std::initializer_list<Field> fields) {
  write(config::LogLevel::kWarn, message, {fields.begin(), fields.size()});
}
void Logger::error(std::string_view message, std::initializer_list<Field> fields) {
  write(config::LogLevel::kError, message, {fields.begin(), fields.size()});
}

void Logger::write(config::LogLevel level, std::string_view message,
                   std::span<const Field> fields) {
  if (level < settings_.level) return;
  thread_local std::string line;
  line.clear();
  append_line(settings_.format, std::chrono::system_clock::now(), level, message, fields, line);
  writer_.add(line, /*urgent=*/level >= config::LogLevel::kError);
}

}  // namespace olla::log
