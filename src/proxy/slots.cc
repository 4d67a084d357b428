#include "proxy/slots.h"

namespace olla::proxy {

net::Awaitable<void> Slots::take(Ticket& ticket) {
  ++ticket.turn_;
  if (stopped_) co_return;
  if (free_ > 0) {
    --free_;
    hold(ticket);
    co_return;
  }
  waiting_.push_back(&ticket);
  ticket.wake_.expires_at(TimePoint::max());
  co_await ticket.wake_.async_wait(net::kAwait);
}

void Slots::hold(Ticket& ticket) {
  ticket.held_ = true;
  ticket.hold_.expires_after(kHoldMax);
  // Its turn may be over before this runs, and another one have begun.
  ticket.hold_.async_wait([this, &ticket, turn = ticket.turn_](net::error_code error) {
    if (!error && ticket.turn_ == turn) release(ticket);
  });
}

void Slots::release(Ticket& ticket) {
  if (!ticket.held_) return;
  ticket.held_ = false;
  ticket.hold_.cancel();
  if (waiting_.empty()) {
    ++free_;
    return;
  }
  Ticket& next = *waiting_.front();
  waiting_.pop_front();
  hold(next);
  next.wake_.cancel();
}

void Slots::stop() {
  stopped_ = true;
  for (Ticket* ticket : waiting_)
    ticket->wake_.cancel();
  waiting_.clear();
}

}  // namespace olla::proxy
