#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "net/deadlines.h"
#include "net/waiter.h"
#include "proxy/services.h"
#include "proxy/wait_queue.h"

namespace olla::proxy {

/// One request's stay in the queue, on its own thread: sleeps until it is the request's turn.
/// Leaves the queue when it is destroyed.
class QueueWait : private net::Deadline {
 public:
  enum class Wake : std::uint8_t {
    kTurn,     ///< Look for an endpoint; without one, hand_on() and sleep again.
    kTimeout,  ///< The time is over.
    kEnded,    ///< end() was called.
  };

  explicit QueueWait(Services& services);
  ~QueueWait() override;

  /// False when the queue is full.
  bool join(WaitQueue::Request request);
  /// Sleeps until `end` at most.
  net::Awaitable<Wake> await_turn(TimePoint end);
  void hand_on();
  /// The client left: await_turn() ends, though not within this call.
  void end();

  /// The first of its kind looks anew after this time also without a turn: some things change by
  /// the time alone, such as a breaker that lets a request through again.
  static constexpr std::chrono::milliseconds kLook{250};

 private:
  /// What other threads know of the wait. Stays until they do not.
  class Entry;

  void on_deadline() override;
  void wake(Wake why);

  Services& services_;
  std::shared_ptr<Entry> entry_;
  net::Waiter waiter_;
  TimePoint end_;
  Wake why_ = Wake::kTurn;
  bool has_news_ = false;  // why_ was not told yet.
};

}  // namespace olla::proxy
