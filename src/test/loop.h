#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <optional>
#include <utility>

#include "net/deadlines.h"
#include "net/spawn.h"
#include "net/types.h"

namespace olla::test {

/// An event loop of the test's own, which the test turns by hand: nothing happens between its
/// calls. Declare it before everything that lives on it.
class Loop {
 public:
  Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// What a test may wait for at most. Reached only by a test that fails.
  static constexpr std::chrono::seconds kPatience{20};

  net::asio::io_context& io() { return io_; }

  /// Handles events until `done()` says so. Fails the test and returns false when that does not
  /// come true, be it that nothing is left to happen.
  template <class Done>
  bool run_until(Done done) {
    const TimePoint end = Clock::now() + kPatience;
    while (!done()) {
      if (io_.stopped()) io_.restart();
      if (io_.run_one_until(end) == 0) {
        if (done()) return true;
        ADD_FAILURE() << (io_.stopped() && Clock::now() < end ? "nothing is left to happen"
                                                              : "the test waited for too long");
        return false;
      }
    }
    return true;
  }

  /// Handles what is ready now, and what follows from it, without waiting for anything.
  void run_ready() {
    if (io_.stopped()) io_.restart();
    io_.poll();
  }

  /// Handles events for `duration`, to see that something does not happen.
  void run_for(Duration duration) {
    bool over = false;
    net::Timer timer(io_, duration);
    timer.async_wait([&over](net::error_code) { over = true; });
    run_until([&over] { return over; });
  }

  /// Handles events until nothing is left to happen: every coroutine has ended.
  void run_out() {
    if (io_.stopped()) io_.restart();
    io_.run_for(kPatience);
    EXPECT_TRUE(io_.stopped()) << "something still waits";
  }

 private:
  net::asio::io_context io_{1};
};

/// A coroutine that the test started and whose result it asks for. It must have ended before this
/// object is destroyed, or never run again.
template <class T>
class Started {
 public:
  Started(Loop& loop, net::Awaitable<T> work) : loop_(loop) {
    net::spawn(loop.io(), keep(std::move(work), value_), [](const std::exception_ptr& failure) {
      EXPECT_EQ(failure, nullptr) << "the coroutine threw";
    });
  }
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;

  [[nodiscard]] bool done() const { return value_.has_value(); }
  /// Handles events until the coroutine ends. A test that waits in vain ends here.
  T& get() {
    loop_.run_until([this] { return done(); });
    return value_.value();
  }

 private:
  static net::Awaitable<void> keep(net::Awaitable<T> work, std::optional<T>& value) {
    value.emplace(co_await work);
  }

  Loop& loop_;
  std::optional<T> value_;
};

/// The same for a coroutine without a result.
template <>
class Started<void> {
 public:
  Started(Loop& loop, net::Awaitable<void> work) : loop_(loop) {
    net::spawn(loop.io(), std::move(work), [this](const std::exception_ptr& failure) {
      EXPECT_EQ(failure, nullptr) << "the coroutine threw";
      done_ = true;
    });
  }
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;

  [[nodiscard]] bool done() const { return done_; }
  void get() {
    loop_.run_until([this] { return done(); });
  }

 private:
  Loop& loop_;
  bool done_ = false;
};

/// Runs a coroutine to its end.
template <class T>
T run(Loop& loop, net::Awaitable<T> work) {
  Started<T> started(loop, std::move(work));
  return std::move(started.get());
}
inline void run(Loop& loop, net::Awaitable<void> work) {
  Started<void> started(loop, std::move(work));
  started.get();
}

}  // namespace olla::test
