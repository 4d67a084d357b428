#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/strong.h"
#include "config/config.h"
#include "fleet/address.h"
#include "fleet/health.h"

namespace olla::fleet {

/// What all threads count together for one endpoint. Lives as long as the Fleet.
/// Alone on its cache line, so that two busy endpoints do not slow each other's counters down.
struct alignas(64) Live {
  std::atomic<std::uint32_t> in_flight{0};  ///< Requests booked and not yet released.
};

/// One request in flight on an endpoint: counted from construction to destruction, on every path
/// out. The Fleet must outlive it.
class Booking {
 public:
  /// Books nothing.
  Booking() = default;
  explicit Booking(Live& live) : live_(&live) {
    // Counters only steer the choice; nothing else is published through them, so relaxed will do.
    live.in_flight.fetch_add(1, std::memory_order_relaxed);
  }
  Booking(Booking&& other) noexcept : live_(std::exchange(other.live_, nullptr)) {}
  Booking& operator=(Booking&& other) noexcept {
    Booking(std::move(other)).swap(*this);
    return *this;
  }
  Booking(const Booking&) = delete;
  Booking& operator=(const Booking&) = delete;
  ~Booking() {
    if (live_ != nullptr) live_->in_flight.fetch_sub(1, std::memory_order_relaxed);
  }

  /// Whether a request is booked.
  explicit operator bool() const { return live_ != nullptr; }

 private:
  void swap(Booking& other) noexcept { std::swap(live_, other.live_); }

  Live* live_ = nullptr;
};

/// An endpoint as configured. Never changes, lives as long as the Fleet.
struct Endpoint {
  EndpointId id;
  olla::config::Endpoint config;
};

/// An endpoint and what was known about it when the snapshot was made.
struct EndpointView {
  const Endpoint* endpoint = nullptr;
  Live* live = nullptr;
  Health health = Health::kUnknown;
  std::vector<Address> addresses;   ///< In the order to try; empty: its name did not resolve yet.
  std::vector<std::string> models;  ///< Sorted, without duplicates; empty: not known.
};

/// The whole fleet at one moment, in the order of the config. Immutable once made, so that every
/// thread may read it; only the counters behind `live` move. The Fleet must outlive it.
struct Snapshot {
  std::vector<EndpointView> endpoints;
};

/// Owns the endpoints and their state, and makes snapshots of it.
///
/// Not thread-safe: it belongs to the thread that runs the checks, which hands a new snapshot to
/// the others whenever a set_...() returned true. Ids that the fleet does not have are a bug.
class Fleet {
 public:
  explicit Fleet(std::vector<config::Endpoint> configured);
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// The state of this moment; what is set later does not change it.
  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;

  /// These return true when the new value differs from the old one.
  bool set_health(EndpointId id, Health health);
  /// The order counts: it is the order to try.
  bool set_addresses(EndpointId id, std::vector<Address> addresses);
  /// In any order; duplicates are dropped.
  bool set_models(EndpointId id, std::vector<std::string> models);

  [[nodiscard]] std::size_t size() const { return endpoints_.size(); }
  [[nodiscard]] const Endpoint& endpoint(EndpointId id) const;

 private:
  EndpointView& view(EndpointId id);

  std::vector<Endpoint> endpoints_;  // Never resized: views point into it.
  std::vector<Live> live_;           // The same.
  Snapshot now_;
};

}  // namespace olla::fleet
