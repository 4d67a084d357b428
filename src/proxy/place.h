#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "fleet/snapshot.h"
#include "proxy/chooser.h"
#include "proxy/models_wait.h"
#include "proxy/queue_wait.h"
#include "proxy/request.h"
#include "routing/pick.h"

namespace olla::proxy {

/// One request in flight on an endpoint. When it ends and the endpoint's number of requests is
/// limited, those that wait learn that there is room.
class Seat {
 public:
  /// None.
  Seat() = default;
  /// `waiting`: null when nobody waits for room on this endpoint. It must outlive the seat.
  Seat(fleet::Booking booking, WaitQueue* waiting)
      : booking_(std::move(booking)), waiting_(waiting) {}
  Seat(Seat&& other) noexcept = default;
  Seat& operator=(Seat&& other) noexcept;
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat() { release(); }

  /// Ends the request there. Nothing when there is none.
  void release();
  /// Where the request's result is noted.
  [[nodiscard]] fleet::Booking& booking() { return booking_; }

 private:
  fleet::Booking booking_;
  WaitQueue* waiting_ = nullptr;
};

/// Where a try is to happen, or why nowhere.
struct Place {
  enum class Lack : std::uint8_t {
    kNoEndpoint,  ///< None can take it.
    kQueueFull,   ///< The same, and too many wait already.
    kTimeout,     ///< None could for as long as the request may wait.
    kEnded,       ///< The client left.
  };

  std::shared_ptr<const fleet::Snapshot> snapshot;  ///< `pick` points into it.
  routing::Pick pick;                               ///< Without a view: why, and see `lack`.
  Lack lack = Lack::kNoEndpoint;                    ///< Only without a view.
  Seat seat = {};
};

/// Finds a place for each try of one request: an endpoint that can take it, or one that can after a
/// wait in the queue. Belongs to the request's exchange.
class PlaceFinder {
 public:
  /// Both must outlive the finder.
  PlaceFinder(ProxiedRequest& request, Chooser& chooser)
      : request_(request), chooser_(chooser), models_wait_(request.services) {}

  /// When no list has the model they are read anew first, as far as the rules of routing let a
  /// request wait for that.
  net::Awaitable<Place> find();
  /// Where a request could go that waits on an endpoint which will not answer: without a wait a
  /// booked place, or one without a view when the queue is the better place to wait. nullopt: the
  /// request should stay where it is, and nothing changed.
  [[nodiscard]] std::optional<Place> take_another() const;
  /// Whether find() may wait, as far as the configuration and the request's time go.
  [[nodiscard]] bool may_wait() const;
  /// The client left: find() ends with kEnded.
  void end();

  /// Requests of one thread say no more often that the model lists may be out of date.
  static constexpr std::chrono::milliseconds kDoubtGap{250};

 private:
  [[nodiscard]] Place take() const;
  [[nodiscard]] Place place_of(Chooser::Chosen chosen) const;
  [[nodiscard]] Place lacking(Place::Lack lack) const;
  [[nodiscard]] bool goes_behind() const;
  [[nodiscard]] bool needs_lists() const;
  void doubt_lists() const;
  net::Awaitable<Place> take_by_new_lists(Place place);
  net::Awaitable<Place> stay_in_queue();
  net::Awaitable<Place> wait();
  net::Awaitable<void> renew_lists();

  ProxiedRequest& request_;
  Chooser& chooser_;
  ModelsWait models_wait_;
  bool renewed_lists_ = false;          // That is done once.
  std::optional<QueueWait> wait_;       // The one that runs.
  std::optional<TimePoint> wait_ends_;  // Of all stays in the queue together.
};

}  // namespace olla::proxy
