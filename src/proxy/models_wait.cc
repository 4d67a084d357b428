#include "proxy/models_wait.h"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace olla::proxy {
namespace {

bool was_read(const ListReading& reading) {
  return reading.outcome == ListReading::Outcome::kRead ||
         reading.outcome == ListReading::Outcome::kFailed;
}

}  // namespace

ModelsWait::ModelsWait(Services& services)
    : net::Deadline(services.deadlines),
      services_(services),
      link_(std::make_shared<Link>(Link{this})) {}

ModelsWait::~ModelsWait() {
  link_->wait = nullptr;
}

net::Awaitable<ModelsWait::End> ModelsWait::run(Duration limit) {
  // Called on the control thread, which posted the new snapshot here before.
  auto done = [link = link_, &io = services_.io](const std::vector<ListReading>& readings) {
    const bool read = std::any_of(readings.begin(), readings.end(), was_read);
    net::asio::post(io, [link, end = read ? End::kRead : End::kAsIs] {
      if (link->wait != nullptr) link->wait->wake(end);
    });
  };
  services_.findings.model_missed(std::move(done));
  expire_after(limit);
  // This thread is not back in its loop yet, so nothing can have come meanwhile.
  if (!over_ && !keeper_stopped()) co_await waiter_.wait();
  expire_never();
  co_return end_;
}

void ModelsWait::end() {
  net::asio::post(services_.io, [link = link_] {
    if (link->wait != nullptr) link->wait->wake(End::kEarly);
  });
}

void ModelsWait::wake(End end) {
  if (over_) return;
  over_ = true;
  end_ = end;
  waiter_.wake();
}

}  // namespace olla::proxy
