#include "log/sink.h"

#include <poll.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

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

using File = spdlog::sinks::rotating_file_sink_st;

std::shared_ptr<File> open_file(const config::Logging& settings) {
  auto file = std::make_shared<File>(settings.directory + "/olla.log", settings.file_bytes_max,
                                     settings.files_kept);
  file->set_pattern("%v");
  return file;
}

}  // namespace

LineWriter::Sink make_sink(const config::Logging& settings) {
  if (settings.output == config::LogOutput::kStdout) return write_to_standard_output;
  return [settings, file = open_file(settings)](std::string_view lines) mutable {
    // Whatever fails, the file is opened anew for the next lines: one that could not be exchanged
    // for the next is closed for good, and spdlog would write to it all the same.
    const std::shared_ptr<File> open = file != nullptr ? std::move(file) : open_file(settings);
    write_to_file(*open, lines);
    file = open;
  };
}

}  // namespace olla::log
