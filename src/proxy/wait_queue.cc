#include "proxy/wait_queue.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace olla::proxy {

bool WaitQueue::join(Ticket& ticket, std::string kind, std::uint32_t max_requests) {
  const std::lock_guard lock(mutex_);
  OLLA_CHECK(ticket.number_ == 0);
  if (waiting_.load(std::memory_order_relaxed) >= max_requests) return false;
  ticket.number_ = ++last_number_;
  ticket.has_turn_ = false;
  Line& line = lines_[kind];
  ticket.kind_ = std::move(kind);
  line.push_back(ticket);
  waiting_.fetch_add(1, std::memory_order_relaxed);
  if (&line.front() == &ticket) give_turn(ticket);
  return true;
}

bool WaitQueue::look(Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  ticket.has_turn_ = false;
  return !has_turn_before(ticket.number_);
}

void WaitQueue::hand_on(Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  give_turn_behind(ticket.number_);
}

void WaitQueue::leave(Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  if (ticket.number_ == 0) return;
  const auto found = lines_.find(ticket.kind_);
  Line& line = found->second;
  // One that is not the first had no turn that it could take along.
  const bool was_first = &line.front() == &ticket;
  line.erase(Line::s_iterator_to(ticket));
  if (line.empty()) lines_.erase(found);
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  const std::uint64_t number = std::exchange(ticket.number_, 0);
  if (was_first) give_turn_behind(number);
}

bool WaitQueue::is_first(const Ticket& ticket) const {
  const std::lock_guard lock(mutex_);
  return ticket.number_ != 0 && &lines_.find(ticket.kind_)->second.front() == &ticket;
}

void WaitQueue::changed() {
  const std::lock_guard lock(mutex_);
  give_turn_behind(0);
}

bool WaitQueue::goes_behind(std::string_view kind) const {
  // Almost always: nobody waits at all.
  if (waiting() == 0) return false;
  const std::lock_guard lock(mutex_);
  return lines_.find(kind) != lines_.end() || has_turn_before(last_number_ + 1);
}

/// Whether one that came before `number` has a turn. Only the first ones can.
bool WaitQueue::has_turn_before(std::uint64_t number) const {
  return std::any_of(lines_.begin(), lines_.end(), [number](const auto& one) {
    const Ticket& first = one.second.front();
    return first.has_turn_ && first.number_ < number;
  });
}

void WaitQueue::give_turn(Ticket& ticket) {
  if (std::exchange(ticket.has_turn_, true)) return;  // The news is on its way.
  ticket.on_turn();
}

/// Gives the turn to the oldest of the first ones that came after `number`.
void WaitQueue::give_turn_behind(std::uint64_t number) {
  Ticket* next = nullptr;
  for (auto& [kind, line] : lines_) {
    Ticket& first = line.front();
    if (first.number_ > number && (next == nullptr || first.number_ < next->number_)) next = &first;
  }
  if (next != nullptr) give_turn(*next);
}

}  // namespace olla::proxy
