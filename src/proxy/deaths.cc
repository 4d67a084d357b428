#include "proxy/deaths.h"

#include <algorithm>

namespace olla::proxy {

Deaths::Deaths(Services& services) : services_(services), pause_(services.io) {}

void Deaths::note_refused(const fleet::EndpointView& view) {
  suspects_.push_back({view.endpoint->id, view.addresses, /*dead=*/true});
}

net::Awaitable<void> Deaths::note_closed(const fleet::EndpointView& view) {
  suspects_.push_back({view.endpoint->id, view.addresses, /*dead=*/false});
  co_await look_at_all();
  if (suspects_.size() < 2) co_return;
  const TimePoint start = Clock::now();
  while (!ended_ && count() < suspects_.size()) {
    const Duration limit = count() > 0 ? Duration(kWatch) : Duration(kDoubt);
    if (Clock::now() - start >= limit) co_return;
    pause_.expires_after(kStep);
    co_await pause_.async_wait(net::kAwait);
    co_await look_at_all();
  }
}

std::uint32_t Deaths::count() const {
  return static_cast<std::uint32_t>(
      std::count_if(suspects_.begin(), suspects_.end(), [](const auto& one) { return one.dead; }));
}

void Deaths::end() {
  ended_ = true;
  if (probe_) probe_->abort();
  pause_.cancel();
}

net::Awaitable<void> Deaths::look_at_all() {
  for (Suspect& suspect : suspects_) {
    if (ended_) co_return;
    if (suspect.dead) continue;
    // What the health checks saw: the server may be back by now.
    if (services_.snapshot->endpoints[suspect.id.value()].refuses) {
      suspect.dead = true;
      continue;
    }
    probe_ = std::make_unique<net::UpstreamConnection>(services_.io, services_.deadlines);
    const auto connected = co_await probe_->connect(suspect.addresses, kLook);
    suspect.dead = !connected && connected.error().code == Errc::kRefused &&
                   connected.error().side == Side::kUpstream;
    probe_.reset();
  }
}

}  // namespace olla::proxy
