#include "proxy/wait_queue.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace olla::proxy {

bool WaitQueue::join(Ticket& ticket, Request request, std::uint32_t max_requests) {
  const std::lock_guard lock(mutex_);
  OLLA_CHECK(!ticket.waits_);
  if (waiting_.load(std::memory_order_relaxed) >= max_requests) return false;
  ticket.waits_ = true;
  ticket.position_ = {request.came, ++joined_};
  ticket.has_turn_ = false;
  Line& line = lines_[request.kind];
  ticket.kind_ = std::move(request.kind);
  // Almost always it is the youngest; else it has waited elsewhere and is one of the oldest.
  auto behind = line.end();
  if (!line.empty() && ticket.position_ < line.back().position_) {
    behind = std::find_if(line.begin(), line.end(), [&ticket](const Ticket& other) {
      return ticket.position_ < other.position_;
    });
  }
  line.insert(behind, ticket);
  waiting_.fetch_add(1, std::memory_order_relaxed);
  if (&line.front() == &ticket) give_turn(ticket);
  return true;
}

bool WaitQueue::look(Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  ticket.has_turn_ = false;
  return is_front(ticket) && !has_turn_before(ticket.position_);
}

void WaitQueue::hand_on(Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  give_turn_behind(ticket.position_);
}

void WaitQueue::leave(Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  if (!ticket.waits_) return;
  const auto found = lines_.find(ticket.kind_);
  Line& line = found->second;
  // One that is not the first had no turn that it could take along.
  const bool was_first = &line.front() == &ticket;
  line.erase(Line::s_iterator_to(ticket));
  if (line.empty()) lines_.erase(found);
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  ticket.waits_ = false;
  if (was_first) give_turn_behind(ticket.position_);
}

bool WaitQueue::is_first(const Ticket& ticket) const {
  const std::lock_guard lock(mutex_);
  return ticket.waits_ && is_front(ticket);
}

bool WaitQueue::is_front(const Ticket& ticket) const {
  return &lines_.find(ticket.kind_)->second.front() == &ticket;
}

void WaitQueue::changed() {
  const std::lock_guard lock(mutex_);
  give_turn_behind({TimePoint::min(), 0});
}

bool WaitQueue::goes_behind(std::string_view kind, TimePoint came) const {
  // Almost always: nobody waits at all.
  if (waiting() == 0) return false;
  const std::lock_guard lock(mutex_);
  const Position here{came, joined_ + 1};
  const auto line = lines_.find(kind);
  return (line != lines_.end() && line->second.front().position_ < here) || has_turn_before(here);
}

/// Whether one that stands before `position` has a turn. Only the first ones can.
bool WaitQueue::has_turn_before(const Position& position) const {
  return std::any_of(lines_.begin(), lines_.end(), [&position](const auto& one) {
    const Ticket& first = one.second.front();
    return first.has_turn_ && first.position_ < position;
  });
}

void WaitQueue::give_turn(Ticket& ticket) {
  if (std::exchange(ticket.has_turn_, true)) return;  // The news is on its way.
  ticket.on_turn();
}

/// Gives the turn to the oldest of the first ones that stand behind `position`.
void WaitQueue::give_turn_behind(const Position& position) {
  Ticket* next = nullptr;
  for (auto& [kind, line] : lines_) {
    Ticket& first = line.front();
    if (position < first.position_ && (next == nullptr || first.position_ < next->position_))
      next = &first;
  }
  if (next != nullptr) give_turn(*next);
}

}  // namespace olla::proxy
