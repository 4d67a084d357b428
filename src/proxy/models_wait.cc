#include "proxy/models_wait.h"

#include <boost/asio/post.hpp>

namespace olla::proxy {

ModelsWait::ModelsWait(Services& services)
    : net::Deadline(services.deadlines),
      services_(services),
      link_(std::make_shared<Link>(Link{this})) {}

ModelsWait::~ModelsWait() {
  link_->wait = nullptr;
}

net::Awaitable<bool> ModelsWait::run(Duration limit) {
  // Called on the control thread, which posted the new snapshot here before.
  auto done = [link = link_, &io = services_.io](const std::vector<ListReading>& /*readings*/) {
    net::asio::post(io, [link] {
      if (link->wait != nullptr) link->wait->wake(true);
    });
  };
  services_.findings.model_missed(std::move(done));
  expire_after(limit);
  // This thread is not back in its loop yet, so nothing can have come meanwhile.
  if (!over_ && !keeper_stopped()) co_await waiter_.wait();
  expire_never();
  co_return were_read_;
}

void ModelsWait::end() {
  net::asio::post(services_.io, [link = link_] {
    if (link->wait != nullptr) link->wait->wake(false);
  });
}

void ModelsWait::wake(bool were_read) {
  if (over_) return;
  over_ = true;
  were_read_ = were_read;
  waiter_.wake();
}

}  // namespace olla::proxy
