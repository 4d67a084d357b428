#include "log/logger.h"

#include <poll.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>

namespace olla::log {
namespace {

/// Standard output as a file descriptor. Not as a stdio stream: whoever ends the process would wait
/// for the lock of a stream that the log's thread holds while nobody reads the log.
void write_to_standard_output(std::string_view lines) {
  while (!lines.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, lines.data(), lines.size());
    if (written >= 0) {
      lines.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      // A descriptor shared with a process that made it non-blocking.
      pollfd writable{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return;  // The reader is gone, or the disk is full: the lines are lost, the service goes on.
    }
  }
}

/// Lines go into the file one by one, since it is exchanged between two of them.
void write_to_file(spdlog::sinks::rotating_file_sink_st& file, std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    file.log({"olla", spdlog::level::info, {lines.data(), end}});
    lines.remove_prefix(end + 1);
  }
  file.flush();
}

LineWriter::Sink make_sink(const config::Logging& settings) {
  if (settings.output == config::LogOutput::kStdout) return write_to_standard_output;
  const auto file = std::make_shared<spdlog::sinks::rotating_file_sink_st>(
      settings.directory + "/olla.log", settings.file_bytes_max, settings.files_kept);
  file->set_pattern("%v");
  return [file](std::string_view lines) { write_to_file(*file, lines); };
}

}  // namespace

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
