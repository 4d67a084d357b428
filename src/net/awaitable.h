#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "net/frame_memory.h"

namespace olla::net {

/// What every coroutine has in its frame: who waits for it, and what all of those hang on.
///
/// A coroutine that is awaited runs inside the call, and when it ends without having to wait the
/// caller just goes on. Only one that did wait hands over to its caller at its end. Nothing is
/// posted, counted or locked on the way; a chain of calls belongs to one thread.
class CoroutineState {
 public:
  static void* operator new(std::size_t bytes) { return take_frame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) { give_frame(frame, bytes); }

  CoroutineState() = default;
  CoroutineState(const CoroutineState&) = delete;
  CoroutineState& operator=(const CoroutineState&) = delete;

  /// Goes on with the caller, if that was told to wait.
  struct HandOver {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class State>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<State> ended) const noexcept {
      const std::coroutine_handle<> caller = ended.promise().caller_;
      return caller ? caller : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] HandOver final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { failure_ = std::current_exception(); }

  /// The outermost coroutine of the chain: to destroy it destroys all of them.
  [[nodiscard]] std::coroutine_handle<> root() const { return root_; }
  void set_root(std::coroutine_handle<> root) { root_ = root; }
  void set_caller(std::coroutine_handle<> caller) { caller_ = caller; }

 protected:
  ~CoroutineState() = default;
  void rethrow_failure() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::coroutine_handle<> caller_;
  std::coroutine_handle<> root_;
  std::exception_ptr failure_;
};

/// And what it will return.
template <class T>
class CoroutineResult : public CoroutineState {
 public:
  template <class Value>
  void return_value(Value&& value) {
    value_.emplace(std::forward<Value>(value));
  }
  T take() {
    rethrow_failure();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class CoroutineResult<void> : public CoroutineState {
 public:
  void return_void() const noexcept {}
  void take() const { rethrow_failure(); }
};

/// A coroutine that returns a T to the one that awaits it. It begins when it is awaited, once, and
/// ends at the latest with this object. See spawn() for the outermost one.
///
/// Of asio::awaitable it has what is needed here, and costs a fifth.
template <class T>
class [[nodiscard]] Awaitable {
 public:
  // The language asks for this name. NOLINTNEXTLINE(readability-identifier-naming)
  class promise_type : public CoroutineResult<T> {
   public:
    Awaitable get_return_object() { return Awaitable(*this); }
  };

  Awaitable(Awaitable&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  Awaitable& operator=(Awaitable&&) = delete;
  ~Awaitable() { reset(); }

  /// Ends the coroutine here, with all that its frame owns.
  void reset() {
    if (frame_) std::exchange(frame_, {}).destroy();
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  /// False: the coroutine has ended already.
  template <class State>
  bool await_suspend(std::coroutine_handle<State> caller) {
    frame_.promise().set_root(caller.promise().root());
    frame_.resume();
    if (frame_.done()) return false;
    frame_.promise().set_caller(caller);
    return true;
  }
  T await_resume() { return frame_.promise().take(); }

 private:
  explicit Awaitable(promise_type& promise)
      : frame_(std::coroutine_handle<promise_type>::from_promise(promise)) {}

  std::coroutine_handle<promise_type> frame_;
};

/// A coroutine that waits for something outside of all coroutines. When this is destroyed before it
/// was resumed, the coroutine ends unfinished, with all that wait for it.
class Suspended {
 public:
  template <class State>
  explicit Suspended(std::coroutine_handle<State> coroutine)
      : coroutine_(coroutine), root_(coroutine.promise().root()) {}
  Suspended(Suspended&& other) noexcept
      : coroutine_(std::exchange(other.coroutine_, {})), root_(other.root_) {}
  Suspended& operator=(Suspended&&) = delete;
  ~Suspended() {
    if (coroutine_) root_.destroy();
  }

  /// Runs it, inside this call, until it waits again or has ended.
  void resume() && { std::exchange(coroutine_, {}).resume(); }

 private:
  std::coroutine_handle<> coroutine_;
  std::coroutine_handle<> root_;
};

}  // namespace olla::net
