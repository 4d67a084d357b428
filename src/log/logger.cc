#include "log/logger.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>

namespace olla::log {

Logger::Logger(const config::Logging& settings)
    : settings_(settings),
      pool_(std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1)),
      sink_(std::make_shared<spdlog::async_logger>(
          "olla", std::make_shared<spdlog::sinks::stdout_sink_mt>(), pool_,
          spdlog::async_overflow_policy::overrun_oldest)) {
  sink_->set_pattern("%v");
  sink_->set_level(spdlog::level::trace);
  // A line must be seen when it is written: people pipe logs into other programs.
  sink_->flush_on(spdlog::level::trace);
}

Logger::~Logger() {
  // Joins the thread, after it wrote what waits; only then may the sink go.
  pool_.reset();
}

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
  const std::string line =
      make_line(settings_.format, std::chrono::system_clock::now(), level, message, fields);
  sink_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace olla::log
