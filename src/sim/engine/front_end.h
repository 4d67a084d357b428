#pragma once

#include <optional>
#include <queue>
#include <set>
#include <vector>

#include "base/clock.h"
#include "sim/engine/profile.h"
#include "sim/engine/task.h"

namespace olla::sim::engine {

/// A token on its way to the client.
struct Delivery {
  TimePoint time;  ///< When the client has it.
  std::uint64_t turn = 0;
  Task* task = nullptr;
  TimePoint made;  ///< When the engine had it.
  std::uint32_t token = 0;
  std::optional<FinishReason> finish;
};

/// The API server around the engine: requests take a while until they can be scheduled, tokens
/// until the client has them, and it sends only so many in a second.
///
/// Holds pointers to tasks that are not ready yet or have tokens on their way. Not thread-safe.
class FrontEnd {
 public:
  explicit FrontEnd(const Profile::FrontEnd& costs) : costs_(costs) {}

  /// A request came in.
  void receive(Task& task);
  /// One that was received will never be ready. Ignored if it is not in here.
  void forget(Task& task);
  /// When the next request is ready; nullopt when none is on its way.
  [[nodiscard]] std::optional<TimePoint> next_ready() const;
  /// The next request that is ready at `now`, or nullptr.
  Task* take_ready(TimePoint now);
  /// Requests that become ready in (after, until].
  [[nodiscard]] std::size_t ready_between(TimePoint after, TimePoint until) const;

  /// The engine has `count` tokens at `time`; give() each of them next.
  void begin_batch(TimePoint time, std::size_t count);
  void give(Task& task, std::uint32_t token, std::optional<FinishReason> finish);
  /// When the next token is with its client; nullopt when none is on its way.
  [[nodiscard]] std::optional<TimePoint> next_delivery() const;
  /// The next token that is with its client at `now`.
  std::optional<Delivery> take_delivery(TimePoint now);

  /// No token is with its client sooner than this after the engine had it.
  [[nodiscard]] Duration delay_min() const;

 private:
  struct Arrival {
    TimePoint ready;
    std::uint64_t turn = 0;
    Task* task = nullptr;
    bool operator<(const Arrival& other) const {
      return ready != other.ready ? ready < other.ready : turn < other.turn;
    }
  };
  struct Later {
    bool operator()(const Delivery& a, const Delivery& b) const {
      return a.time != b.time ? a.time > b.time : a.turn > b.turn;
    }
  };

  Profile::FrontEnd costs_;
  std::set<Arrival> arrivals_;
  std::priority_queue<Delivery, std::vector<Delivery>, Later> deliveries_;
  std::uint64_t turn_ = 0;
  TimePoint free_;   // It has sent everything that it got.
  TimePoint made_;   // When the batch was made ...
  TimePoint begun_;  // ... and when it is at it.
};

}  // namespace olla::sim::engine
