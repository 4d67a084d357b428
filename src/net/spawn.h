#pragma once

#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <coroutine>
#include <exception>
#include <utility>

#include "net/awaitable.h"

namespace olla::net {

/// The outermost coroutine of a chain. It has no owner but what it waits for: its frame goes when
/// it ends.
class RootCoroutine {
 public:
  // The language asks for this name. NOLINTNEXTLINE(readability-identifier-naming)
  class promise_type : public CoroutineState {
   public:
    promise_type() { set_root(std::coroutine_handle<promise_type>::from_promise(*this)); }
    RootCoroutine get_return_object() { return RootCoroutine(*this); }
    [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    /// Only what is called at the end may throw; that is for the one who runs the io_context.
    [[noreturn]] void unhandled_exception() { throw; }
  };

  [[nodiscard]] Suspended suspended() const { return Suspended(frame_); }

 private:
  explicit RootCoroutine(promise_type& promise)
      : frame_(std::coroutine_handle<promise_type>::from_promise(promise)) {}

  std::coroutine_handle<promise_type> frame_;
};

template <class Done>
RootCoroutine run_as_root(boost::asio::io_context& io, Awaitable<void> work, Done done) {
  const auto guard = boost::asio::make_work_guard(io);
  std::exception_ptr failure;
  try {
    co_await work;
  } catch (...) {
    failure = std::current_exception();
  }
  // Its frame, and what that owns, is gone before `done` hears of it.
  work.reset();
  done(failure);
}

/// Runs `work` on the io_context, inside this call when it is made on its thread. `done` hears, as
/// a std::exception_ptr, of the exception that ended it, or null; within this call if nothing had
/// to be waited for. An io_context that is destroyed destroys the coroutines that wait, and `done`
/// is not called.
template <class Done>
void spawn(boost::asio::io_context& io, Awaitable<void> work, Done done) {
  auto start = [root = run_as_root(io, std::move(work), std::move(done)).suspended()]() mutable {
    std::move(root).resume();
  };
  boost::asio::dispatch(io, std::move(start));
}

}  // namespace olla::net
