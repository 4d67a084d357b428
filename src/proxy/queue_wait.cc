#include "proxy/queue_wait.h"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace olla::proxy {

class QueueWait::Entry : public WaitQueue::Ticket, public std::enable_shared_from_this<Entry> {
 public:
  Entry(QueueWait& wait, net::asio::io_context& io) : wait_(&wait), io_(io) {}

  void on_turn() override { post_wake(Wake::kTurn); }
  void post_wake(Wake why) {
    net::asio::post(io_, [entry = shared_from_this(), why] {
      if (entry->wait_ != nullptr) entry->wait_->wake(why);
    });
  }
  /// On the wait's own thread, as its reading is.
  void forget() { wait_ = nullptr; }

 private:
  QueueWait* wait_;
  net::asio::io_context& io_;
};

QueueWait::QueueWait(Services& services)
    : net::Deadline(services.deadlines),
      services_(services),
      entry_(std::make_shared<Entry>(*this, services.io)) {}

QueueWait::~QueueWait() {
  entry_->forget();
  services_.shared.queue.leave(*entry_);
}

bool QueueWait::join(WaitQueue::Request request) {
  QueueCounters& counters = services_.shared.queue_counters;
  const std::uint32_t max_requests = services_.config.proxy.queue.max_requests;
  const bool joined = services_.shared.queue.join(*entry_, std::move(request), max_requests);
  (joined ? counters.queued : counters.refused).fetch_add(1, std::memory_order_relaxed);
  return joined;
}

net::Awaitable<QueueWait::Wake> QueueWait::await_turn(TimePoint end) {
  end_ = end;
  for (;;) {
    if (!has_news_) {
      expire_at(std::min(end_, Clock::now() + kLook));
      co_await waiter_.wait();
      expire_never();
    }
    has_news_ = false;
    if (why_ != Wake::kTurn || services_.shared.queue.look(*entry_)) co_return why_;
  }
}

void QueueWait::hand_on() {
  services_.shared.queue.hand_on(*entry_);
}

void QueueWait::end() {
  entry_->post_wake(Wake::kEnded);
}

void QueueWait::on_deadline() {
  const TimePoint now = Clock::now();
  if (now >= end_ || keeper_stopped()) return wake(Wake::kTimeout);
  if (services_.shared.queue.is_first(*entry_)) return wake(Wake::kTurn);
  expire_at(std::min(end_, now + kLook));
}

/// The end outweighs a turn that was not told yet.
void QueueWait::wake(Wake why) {
  if (!has_news_ || why != Wake::kTurn) why_ = why;
  has_news_ = true;
  waiter_.wake();
}

}  // namespace olla::proxy
