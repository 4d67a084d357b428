#pragma once

#include <atomic>
#include <boost/intrusive/list.hpp>
#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace olla::proxy {

/// The requests of all threads that wait until an endpoint can take them, first come first served:
/// by the time when they came to the gateway, so that one that an endpoint failed, and that waits
/// again or for the first time, stands in front of those that came after it.
///
/// Requests of one kind (the same provider, model, route) can all use the same endpoints: of each
/// kind only the first one looks for an endpoint, so that an event wakes as many as there are
/// kinds, and a request whose model is down holds up none of another model. Those that look do it
/// one after the other, the oldest first: each one hands the turn on, and none overtakes an older
/// one that was told to look.
///
/// A ticket with a turn (see Ticket::on_turn) calls look() first, then, when it may, looks for an
/// endpoint, and then calls either leave(), with an endpoint, or hand_on(). What changed before
/// look() is seen by that search; what changes later gives the ticket another turn: no change is
/// lost.
///
/// Holds its lock for the time of a look into the lists.
class WaitQueue {
  /// Where a request stands. Of those that came in the same moment the one that joined first is the
  /// older one.
  struct Position {
    TimePoint came;
    std::uint64_t joined = 0;

    friend auto operator<=>(const Position&, const Position&) = default;
  };

 public:
  /// One request in the queue. Belongs to one thread.
  class Ticket : public boost::intrusive::list_base_hook<> {
   public:
    Ticket() = default;
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    virtual ~Ticket() = default;

    /// It is this request's turn to look for an endpoint. Called on any thread, with the queue
    /// locked, between join() and leave(): must only pass the news on to the request's thread.
    virtual void on_turn() = 0;

   private:
    friend class WaitQueue;
    Position position_;
    bool waits_ = false;  // In the queue.
    bool has_turn_ = false;
    std::string kind_;
  };

  WaitQueue() = default;
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  struct Request {
    std::string kind;
    TimePoint came;  ///< To the gateway.
  };

  /// Adds a request behind all that came before it, unless `max_requests` wait already: then false.
  /// The first of its kind gets a turn, because something may have changed since it looked last.
  bool join(Ticket& ticket, Request request, std::uint32_t max_requests);

  /// The ticket begins to look for an endpoint. False when it may not: an older one of another kind
  /// has a turn that it did not use yet, and will hand it on, or an older one of its own kind has
  /// joined.
  [[nodiscard]] bool look(Ticket& ticket);
  /// It found none: the next one looks.
  void hand_on(Ticket& ticket);
  /// It leaves the queue, with an endpoint or without; the next one looks. Nothing when it is not
  /// in the queue.
  void leave(Ticket& ticket);

  /// Whether the ticket is the first of its kind, which alone may look.
  [[nodiscard]] bool is_first(const Ticket& ticket) const;

  /// Something changed by which an endpoint may take requests again. Any thread.
  void changed();

  /// Whether a request that came at `came` has to wait behind others: of those that came before it
  /// one of its kind waits, or one of another kind has a turn that it did not use yet.
  [[nodiscard]] bool goes_behind(std::string_view kind, TimePoint came) const;
  /// Requests that wait now. Any thread.
  [[nodiscard]] std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  using Line = boost::intrusive::list<Ticket>;

  [[nodiscard]] bool is_front(const Ticket& ticket) const;
  [[nodiscard]] bool has_turn_before(const Position& position) const;
  void give_turn(Ticket& ticket);
  void give_turn_behind(const Position& position);

  mutable std::mutex mutex_;
  std::map<std::string, Line, std::less<>> lines_;  // By kind; none is empty.
  std::uint64_t joined_ = 0;
  std::atomic<std::size_t> waiting_{0};
};

/// What became of the requests that had to wait, since the start. Any thread.
struct QueueCounters {
  std::atomic<std::uint64_t> queued{0};     ///< That joined the queue.
  std::atomic<std::uint64_t> timed_out{0};  ///< Whose wait was over before an endpoint was found.
  std::atomic<std::uint64_t> refused{0};    ///< That found the queue full.
};

}  // namespace olla::proxy
