#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace olla::log {

/// Hands lines to a sink on a thread of its own, many at a time: waking a thread for each of ten
/// thousand lines a second costs more than making them.
///
/// Thread-safe. add() waits for nobody but the other callers of it.
class LineWriter {
 public:
  /// Takes one or more whole lines, each with its end. May block. May throw: then these lines are
  /// lost, and standard error tells of the first time in a row.
  using Sink = std::function<void(std::string_view lines)>;

  /// How long a line may wait for company. A crash loses what came in that time.
  static constexpr std::chrono::milliseconds kGather{10};

  struct Settings {
    std::size_t lines_max = 0;  ///< That may wait; then the oldest eighth of them is dropped.
    std::chrono::milliseconds gather = kGather;
  };

  LineWriter(Sink sink, const Settings& settings);
  /// Writes what waits.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  /// `line` has no end. One that is `urgent` is written at once, with all that came before it.
  void add(std::string_view line, bool urgent);

 private:
  void run();
  bool await_lines();
  void write(std::string_view lines);
  void drop_oldest();

  const Sink sink_;
  const Settings settings_;
  std::mutex mutex_;  // Never held while the sink works.
  std::condition_variable changed_;
  std::string waiting_;
  std::size_t lines_ = 0;  // In waiting_.
  bool urgent_ = false;    // One of waiting_ is.
  bool idle_ = false;      // The thread waits for a first line.
  bool stopping_ = false;
  // Of the thread alone: what it writes, and whether that went wrong the last time.
  std::string batch_;
  bool failing_ = false;
  std::thread thread_;  // Last, since it uses the others.
};

}  // namespace olla::log
