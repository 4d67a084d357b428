#pragma once

#include <boost/intrusive/list.hpp>

#include "net/types.h"

namespace olla::net {

class Deadlines;

/// Something that must not take for ever: a connection. Belongs to one thread.
///
/// Setting a deadline costs a store and a comparison; no timer is armed per operation. It is
/// noticed up to Deadlines::kTick late.
class Deadline : public boost::intrusive::list_base_hook<
                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  explicit Deadline(Deadlines& keeper);
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  virtual ~Deadline() = default;

  void expire_at(TimePoint when);
  void expire_after(Duration duration, TimePoint now = Clock::now());
  void expire_never() { when_ = TimePoint::max(); }

 protected:
  /// The deadline passed; it is already cleared. May destroy this object.
  virtual void on_deadline() = 0;
  /// True after Deadlines::expire_all(): no deadline set from now on will pass.
  [[nodiscard]] bool keeper_stopped() const;

 private:
  friend class Deadlines;
  Deadlines& keeper_;
  TimePoint when_ = TimePoint::max();
};

/// One coarse timer for all deadlines of a thread. It must outlive them, and the io_context must
/// outlive it.
class Deadlines {
 public:
  explicit Deadlines(asio::io_context& io) : timer_(io) {}

  /// How late a deadline may be noticed: far under every timeout that a person would set, and rare
  /// enough that looking at thousands of connections costs nothing.
  static constexpr std::chrono::milliseconds kTick{20};

  /// Lets every deadline pass now, and stops the timer for good: whatever still waits ends, and the
  /// io_context can run out of work.
  void expire_all();

 private:
  friend class Deadline;
  void add(Deadline& deadline) { all_.push_back(deadline); }
  void note(TimePoint when);
  void arm(TimePoint when);
  void look();

  using List = boost::intrusive::list<Deadline, boost::intrusive::constant_time_size<false>>;

  Timer timer_;
  List all_;
  TimePoint armed_for_ = TimePoint::max();
  bool stopped_ = false;
};

}  // namespace olla::net
