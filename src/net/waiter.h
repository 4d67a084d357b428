#pragma once

#include <optional>
#include <utility>

#include "net/types.h"

namespace olla::net {

/// Lets one coroutine sleep until another part of the same thread wakes it.
///
/// Not thread-safe. The coroutine is destroyed unfinished when the Waiter dies before the wake-up.
class Waiter {
 public:
  [[nodiscard]] bool waiting() const { return handler_.has_value(); }

  /// Suspends the calling coroutine until wake(). At most one at a time. The Waiter must outlive
  /// the wait.
  Awaitable<void> wait();

  /// Destroys the coroutine that waits, unfinished. The caller may end with it.
  void abandon() { const std::optional<Handler> handler = std::exchange(handler_, std::nullopt); }

  /// Runs the waiting coroutine, inside this call, until it suspends again. Nothing when none
  /// waits. The caller must touch no state that the coroutine may have ended.
  void wake() {
    if (!handler_) return;
    Handler handler = std::move(*handler_);
    handler_.reset();
    std::move(handler)();
  }

 private:
  using Handler = asio::async_result<UseAwaitable, void()>::handler_type;

  UseAwaitable token_;
  std::optional<Handler> handler_;
};

}  // namespace olla::net
