#include "proxy/place.h"

#include <algorithm>

#include "base/milliseconds.h"
#include "proxy/discovery.h"

namespace olla::proxy {
namespace {

/// Whether time may bring an endpoint: one that comes up, or has room again.
bool may_come(routing::NoPick reason) {
  switch (reason) {
    case routing::NoPick::kNoEndpoints:
    case routing::NoPick::kSpared:
    case routing::NoPick::kUnknownModel:
    case routing::NoPick::kOtherProviders:
      return false;
    default:
      return true;
  }
}

}  // namespace

Seat& Seat::operator=(Seat&& other) noexcept {
  release();
  booking_ = std::move(other.booking_);
  waiting_ = other.waiting_;
  return *this;
}

void Seat::release() {
  if (!booking_) return;
  booking_ = fleet::Booking();
  if (waiting_ != nullptr) waiting_->changed();
}

/// Chooses and books, without a wait.
Place PlaceFinder::take() const {
  return place_of(chooser_.choose(*request_.services.snapshot));
}

std::optional<Place> PlaceFinder::take_another() const {
  const config::Queue& rules = request_.services.config.proxy.queue;
  const bool can_wait = may_wait() && request_.services.shared.queue.waiting() < rules.max_requests;
  if (can_wait && goes_behind()) {
    // Where no other endpoint can take it there is nothing to queue for.
    if (chooser_.reason() != routing::NoPick::kAllFull) return std::nullopt;
    return Place();
  }
  Chooser::Chosen chosen = chooser_.choose_another(*request_.services.snapshot);
  if (chosen.pick.view != nullptr) return place_of(std::move(chosen));
  // With a queue those that come later would get every place that becomes free.
  if (chosen.pick.reason != routing::NoPick::kAllFull || !can_wait) return std::nullopt;
  return Place();
}

bool PlaceFinder::may_wait() const {
  return request_.services.config.proxy.queue.wait > Duration::zero() &&
         (!wait_ends_ || Clock::now() < *wait_ends_);
}

/// Whether requests that came before this one wait for what it needs.
bool PlaceFinder::goes_behind() const {
  const WaitQueue& queue = request_.services.shared.queue;
  return queue.waiting() > 0 && queue.goes_behind(chooser_.kind(), request_.came);
}

/// No place, and as reason why there would be none at once.
Place PlaceFinder::lacking(Place::Lack lack) const {
  Place place;
  place.pick.reason = chooser_.reason();
  place.lack = lack;
  return place;
}

/// Of what was chosen from the present snapshot.
Place PlaceFinder::place_of(Chooser::Chosen chosen) const {
  Services& services = request_.services;
  std::shared_ptr<const fleet::Snapshot> snapshot = services.snapshot;
  if (chosen.pick.view == nullptr) return {std::move(snapshot), chosen.pick};
  const bool limited = chosen.pick.view->endpoint->config.max_concurrent > 0;
  return {std::move(snapshot), chosen.pick, Place::Lack::kNoEndpoint,
          Seat(std::move(chosen.booking), limited ? &services.shared.queue : nullptr)};
}

net::Awaitable<Place> PlaceFinder::find() {
  const bool waits = request_.services.config.proxy.queue.wait > Duration::zero();
  bool first = !waits || !goes_behind();
  for (;;) {
    Place place;
    if (first) {
      place = take();
    } else {
      place = co_await stay_in_queue();
    }
    first = false;
    if (place.lack != Place::Lack::kNoEndpoint) co_return place;
    if (needs_lists()) place = co_await take_by_new_lists(std::move(place));
    if (place.lack != Place::Lack::kNoEndpoint) co_return place;
    if (place.pick.view != nullptr || !waits || !may_come(place.pick.reason)) co_return place;
  }
}

/// Whether the last choice is not to stand before the lists were read anew.
bool PlaceFinder::needs_lists() const {
  return chooser_.renewal() != routing::Renewal::kNone && !renewed_lists_;
}

/// The place that was chosen, or the one that the lists say when they are read anew.
net::Awaitable<Place> PlaceFinder::take_by_new_lists(Place place) {
  co_await renew_lists();
  if (!request_.client.is_open()) co_return lacking(Place::Lack::kEnded);
  // Where nothing is new the choice stands: a second one would take another's turn.
  if (place.pick.view == nullptr || place.snapshot != request_.services.snapshot) {
    place = Place();
    place = take();
  }
  co_return place;
}

/// Has the model lists read anew. They are all of a moment ago for the requests right behind.
net::Awaitable<void> PlaceFinder::renew_lists() {
  Services& services = request_.services;
  renewed_lists_ = true;
  ModelsWait::End end = ModelsWait::End::kRead;
  if (Clock::now() < services.lists_fresh_until ||
      chooser_.renewal() == routing::Renewal::kBehind) {
    doubt_lists();
  } else {
    end = co_await models_wait_.run(services.config.model_registry.discovery_timeout);
    if (end == ModelsWait::End::kRead)
      services.lists_fresh_until = Clock::now() + ModelDiscovery::kRequestedGap;
    if (end == ModelsWait::End::kAsIs) services.lists_fresh_until = Clock::now() + kDoubtGap;
  }
  if (chooser_.renewal() == routing::Renewal::kBefore) {
    chooser_.note_lists(end == ModelsWait::End::kEarly ? routing::Lists::kTimedOut
                                                       : routing::Lists::kRefreshed);
  }
}

/// Has the model lists read as soon as they may be, without a wait for that.
void PlaceFinder::doubt_lists() const {
  Services& services = request_.services;
  const TimePoint now = Clock::now();
  if (now < services.lists_doubted_until) return;
  services.lists_doubted_until = now + kDoubtGap;
  services.findings.models_in_doubt();
}

/// Waits in the queue as long as the request still may.
net::Awaitable<Place> PlaceFinder::stay_in_queue() {
  const TimePoint start = Clock::now();
  if (!wait_ends_) {
    wait_ends_ =
        std::min<TimePoint>(start + request_.services.config.proxy.queue.wait, request_.deadline);
  }
  Place place = co_await wait();
  wait_.reset();
  request_.entry.queued_ms =
      request_.entry.queued_ms.value_or(0) + milliseconds(Clock::now() - start);
  co_return place;
}

/// Waits in the queue, and looks for an endpoint whenever it is the request's turn.
net::Awaitable<Place> PlaceFinder::wait() {
  const TimePoint start = Clock::now();
  wait_.emplace(request_.services);
  WaitQueue::Request request{chooser_.kind(), request_.came};
  if (!wait_->join(std::move(request))) {
    // One that an endpoint failed is not lost for want of a place to wait in.
    Place place = request_.entry.tries > 0 ? take() : Place();
    if (place.pick.view == nullptr) place = lacking(Place::Lack::kQueueFull);
    co_return place;
  }
  for (;;) {
    const QueueWait::Wake woken = co_await wait_->await_turn(*wait_ends_);
    if (woken == QueueWait::Wake::kEnded) co_return lacking(Place::Lack::kEnded);
    if (woken == QueueWait::Wake::kTimeout) {
      request_.services.shared.queue_counters.timed_out.fetch_add(1, std::memory_order_relaxed);
      co_return lacking(Place::Lack::kTimeout);
    }
    // An endpoint that failed is asked again, but not before the health checks could notice.
    if (Clock::now() - start >= QueueWait::kLook) chooser_.forget_tried();
    Place place = take();
    if (place.pick.view != nullptr || !may_come(place.pick.reason)) co_return place;
    // A server that is up may have loaded the model since its list was read.
    if (chooser_.renewal() != routing::Renewal::kNone) doubt_lists();
    wait_->hand_on();
  }
}

void PlaceFinder::end() {
  models_wait_.end();
  if (wait_) wait_->end();
}

}  // namespace olla::proxy
