#include "net/waiter.h"

#include <boost/asio/async_result.hpp>

namespace olla::net {

// Not in the header: each file would lay out the coroutine's frame anew.
Awaitable<void> Waiter::wait() {
  auto store = [this](Handler handler) { handler_.emplace(std::move(handler)); };
  co_await asio::async_initiate<const UseAwaitable, void()>(store, token_);
}

}  // namespace olla::net
