#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

#include "net/types.h"

namespace olla::proxy {

/// Bounds how many do something at a time, in the order in which they come. Whoever takes long
/// gives its slot up on the way: one that hangs costs nothing but its connection, and shall not
/// keep the others waiting for as long as it is waited for.
///
/// Not thread-safe.
class Slots {
 public:
  /// How long a slot is held at most.
  static constexpr std::chrono::milliseconds kHoldMax{250};

  /// One of those who take slots. Outlives its take(), and the Slots.
  class Ticket {
   public:
    explicit Ticket(net::asio::io_context& io) : wake_(io), hold_(io) {}

   private:
    friend class Slots;

    net::Timer wake_;
    net::Timer hold_;
    bool held_ = false;
    std::uint64_t turn_ = 0;
  };

  /// `count` is at least 1.
  explicit Slots(std::uint32_t count) : free_(count) {}

  /// Waits until there is a slot for the ticket. Both must outlive the awaitable.
  net::Awaitable<void> take(Ticket& ticket);

  /// Gives the ticket's slot to the next one, unless it is given up already.
  void release(Ticket& ticket);

  /// Lets everybody through from now on.
  void stop();

 private:
  void hold(Ticket& ticket);

  std::uint32_t free_;
  std::deque<Ticket*> waiting_;
  bool stopped_ = false;
};

}  // namespace olla::proxy
