#pragma once

#include <boost/asio/async_result.hpp>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "net/awaitable.h"

namespace olla::net {

/// Completion token: `auto [error, n] = co_await socket.async_read_some(buffer, kAwait);`
struct AwaitToken {};
inline constexpr AwaitToken kAwait;

/// An operation of Asio that begins when it is awaited, and gives its results as a tuple.
template <class Initiation, class Arguments, class... Results>
class AsioOperation {
 public:
  AsioOperation(Initiation initiation, Arguments arguments)
      : initiation_(std::move(initiation)), arguments_(std::move(arguments)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class State>
  void await_suspend(std::coroutine_handle<State> coroutine) {
    std::apply(
        [&](auto&... arguments) {
          std::move(initiation_)(Handler(Suspended(coroutine), results_), std::move(arguments)...);
        },
        arguments_);
  }
  std::tuple<Results...> await_resume() { return std::move(*results_); }

 private:
  class Handler {
   public:
    Handler(Suspended coroutine, std::optional<std::tuple<Results...>>& results)
        : coroutine_(std::move(coroutine)), results_(&results) {}
    void operator()(Results... results) {
      results_->emplace(std::move(results)...);
      std::move(coroutine_).resume();
    }

   private:
    Suspended coroutine_;
    std::optional<std::tuple<Results...>>* results_;  // In the frame of the coroutine.
  };

  Initiation initiation_;
  Arguments arguments_;
  std::optional<std::tuple<Results...>> results_;
};

}  // namespace olla::net

/// Asio's way to ask a token what an operation returns.
template <class... Results>
class boost::asio::async_result<olla::net::AwaitToken, void(Results...)> {
 public:
  template <class Initiation, class... Arguments>
  static auto initiate(Initiation&& initiation, const olla::net::AwaitToken&,
                       Arguments&&... arguments) {
    using Stored = std::tuple<std::decay_t<Arguments>...>;
    return olla::net::AsioOperation<std::decay_t<Initiation>, Stored, Results...>(
        std::forward<Initiation>(initiation), Stored(std::forward<Arguments>(arguments)...));
  }
};
