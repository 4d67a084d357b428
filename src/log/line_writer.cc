#include "log/line_writer.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <utility>

namespace olla::log {
namespace {

// What a burst of lines leaves reserved: as much as 10 ms of lines take under a heavy load.
constexpr std::size_t kKeptBytes = std::size_t{256} * 1024;

}  // namespace

LineWriter::LineWriter(Sink sink, const Settings& settings)
    : sink_(std::move(sink)), settings_(settings), thread_([this] { run(); }) {}

LineWriter::~LineWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void LineWriter::add(std::string_view line, bool urgent) {
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    if (lines_ >= settings_.lines_max) drop_oldest();
    waiting_.append(line).push_back('\n');
    ++lines_;
    wakes = idle_ || (urgent && !urgent_);
    idle_ = false;
    urgent_ = urgent_ || urgent;
  }
  if (wakes) changed_.notify_one();
}

/// Many at once, since each time all that stay have to be moved.
void LineWriter::drop_oldest() {
  std::size_t end = 0;
  const std::size_t count = std::max<std::size_t>(1, lines_ / 8);
  for (std::size_t i = 0; i < count; ++i)
    end = waiting_.find('\n', end) + 1;
  waiting_.erase(0, end);
  lines_ -= count;
}

void LineWriter::run() {
  while (await_lines()) {
    write(batch_);
    batch_.clear();
    if (batch_.capacity() > kKeptBytes) batch_.shrink_to_fit();
  }
}

/// Takes into batch_ what is to be written; false when that is nothing any more.
bool LineWriter::await_lines() {
  std::unique_lock lock(mutex_);
  idle_ = waiting_.empty();
  changed_.wait(lock, [this] { return !waiting_.empty() || stopping_; });
  changed_.wait_for(lock, settings_.gather, [this] { return urgent_ || stopping_; });
  batch_.swap(waiting_);
  lines_ = 0;
  urgent_ = false;
  return !batch_.empty();
}

void LineWriter::write(std::string_view lines) {
  try {
    sink_(lines);
    failing_ = false;
  } catch (const std::exception& error) {
    // The disk is full, or the folder is gone: the lines are lost, the service goes on.
    if (!failing_) std::fprintf(stderr, "olla: cannot write the log: %s\n", error.what());
    failing_ = true;
  }
}

}  // namespace olla::log
