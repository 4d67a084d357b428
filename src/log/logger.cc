#include "log/logger.h"

#include <poll.h>
#include <spdlog/async.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

namespace olla::log {
namespace {

/// Standard output as a file descriptor. Not as a stdio stream: whoever ends the process would wait
/// for the lock of a stream that this thread holds while nobody reads the log.
/// Used by the logger's one thread alone.
class DescriptorSink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const char* from = line.data();
    std::size_t left = line.size();
    while (left > 0) {
      const ssize_t written = ::write(STDOUT_FILENO, from, left);
      if (written >= 0) {
        from += written;
        left -= static_cast<std::size_t>(written);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        // A descriptor shared with a process that made it non-blocking.
        pollfd writable{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
        ::poll(&writable, 1, -1);
      } else if (errno != EINTR) {
        return;  // The reader is gone, or the disk is full: the line is lost, the service goes on.
      }
    }
  }
  void flush_() override {}
};

spdlog::sink_ptr make_sink(const config::Logging& settings) {
  if (settings.output == config::LogOutput::kStdout) return std::make_shared<DescriptorSink>();
  return std::make_shared<spdlog::sinks::rotating_file_sink_st>(
      settings.directory + "/olla.log", settings.file_bytes_max, settings.files_kept);
}

}  // namespace

Logger::Logger(const config::Logging& settings)
    : settings_(settings),
      pool_(std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1)),
      sink_(std::make_shared<spdlog::async_logger>("olla", make_sink(settings), pool_,
                                                   spdlog::async_overflow_policy::overrun_oldest)) {
  sink_->set_pattern("%v");
  sink_->set_level(spdlog::level::trace);
  // Line by line, on the logger's thread: what a crash leaves behind is what is worth reading.
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
