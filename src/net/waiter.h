#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "net/awaitable.h"

namespace olla::net {

/// Lets one coroutine sleep until another part of the same thread wakes it.
///
/// Not thread-safe. The coroutine is destroyed unfinished when the Waiter dies before the wake-up.
class Waiter {
 public:
  /// What wait() gives, to be awaited at once.
  class Sleep {
   public:
    explicit Sleep(Waiter& waiter) : waiter_(&waiter) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class State>
    void await_suspend(std::coroutine_handle<State> coroutine) const {
      waiter_->sleeper_.emplace(coroutine);
    }
    void await_resume() const noexcept {}

   private:
    Waiter* waiter_;
  };

  [[nodiscard]] bool waiting() const { return sleeper_.has_value(); }

  /// Suspends the calling coroutine until wake(). At most one at a time. The Waiter must outlive
  /// the wait.
  [[nodiscard]] Sleep wait() { return Sleep(*this); }

  /// Destroys the coroutine that waits, unfinished. The caller may end with it.
  void abandon() {
    const std::optional<Suspended> sleeper = std::move(sleeper_);
    sleeper_.reset();
  }

  /// Runs the waiting coroutine, inside this call, until it suspends again. Nothing when none
  /// waits. The caller must touch no state that the coroutine may have ended.
  void wake() {
    if (!sleeper_) return;
    Suspended sleeper = std::move(*sleeper_);
    sleeper_.reset();
    std::move(sleeper).resume();
  }

 private:
  std::optional<Suspended> sleeper_;
};

}  // namespace olla::net
