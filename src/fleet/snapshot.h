#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/strong.h"
#include "config/config.h"
#include "fleet/address.h"
#include "fleet/health.h"
#include "vllm/engine_state.h"
#include "vllm/models_document.h"
#include "vllm/version.h"

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
  /// Books nothing when `limit` requests are in flight already; 0 is no limit. However many threads
  /// book at once, there are never more.
  static Booking within(Live& live, std::uint32_t limit) {
    if (limit == 0) return Booking(live);
    std::uint32_t now = live.in_flight.load(std::memory_order_relaxed);
    while (now < limit) {
      if (live.in_flight.compare_exchange_weak(now, now + 1, std::memory_order_relaxed))
        return Booking(&live);
    }
    return {};
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
  explicit Booking(Live* booked) : live_(booked) {}
  void swap(Booking& other) noexcept { std::swap(live_, other.live_); }

  Live* live_ = nullptr;
};

/// An endpoint as configured. Never changes, lives as long as the Fleet.
struct Endpoint {
  EndpointId id;
  olla::config::Endpoint config;
};

/// The models that an endpoint lists.
struct Listing {
  std::vector<vllm::ModelEntry> entries;  ///< In the endpoint's order.
  std::vector<std::string> ids;           ///< Of the entries, sorted.
};

/// What an endpoint last said about itself in its metrics.
struct Figures {
  vllm::EngineState state;
  std::string text;      ///< Its /metrics.
  std::string gpu_text;  ///< What its GPU exporter said; empty: it has none, or none that answers.
  TimePoint read_at;
};

/// The state of an endpoint as the documents of the fleet name it.
enum class Condition : std::uint8_t {
  kReady,      ///< Requests may go there.
  kUnknown,    ///< Not checked yet.
  kUnhealthy,  ///< Its checks fail.
  kDraining,   ///< It answers, but said that it takes no new requests.
  kAsleep,     ///< Its engines sleep: requests would hang.
};

/// "healthy", "unknown", "unhealthy", "draining", "asleep".
const char* to_string(Condition condition);

/// An endpoint and what was known about it when the snapshot was made. Cheap to copy: what is large
/// is shared.
struct EndpointView {
  const Endpoint* endpoint = nullptr;
  const config::Profile* profile = nullptr;  ///< What kind of server it is; in the fleet's table.
  Live* live = nullptr;
  Health health = Health::kUnknown;
  /// Nobody listens on its port any more: an answer that has fallen silent will not go on.
  bool refuses = false;
  bool draining = false;
  std::vector<Address> addresses;  ///< In the order to try; empty: its name did not resolve yet.
  std::shared_ptr<const Listing> models;  ///< Null: its list was never read.
  std::string version;                    ///< As its server tells it; empty: it does not.
  /// Of type "vllm": `version`, and the newest when the server does not tell one. nullopt: the
  /// server was not asked yet.
  std::optional<vllm::Version> vllm_version = std::nullopt;
  std::shared_ptr<const Figures> figures;  ///< Null: never read.
  /// Inference routes that its server does not have, since it serves another kind of model.
  std::shared_ptr<const std::vector<std::string>> missing_routes;

  [[nodiscard]] Condition condition() const;
  [[nodiscard]] bool lacks_route(std::string_view path) const;
  [[nodiscard]] bool is_vllm() const { return profile->name == "vllm"; }
};

/// The whole fleet at one moment, in the order of the config. Immutable once made, so that every
/// thread may read it; only the counters behind `live` move. The Fleet must outlive it.
struct Snapshot {
  std::vector<EndpointView> endpoints;
  std::shared_ptr<const vllm::FirstSeen> first_seen;  ///< Of every model listed so far; not null.
};

/// Owns the endpoints and their state, and makes snapshots of it.
///
/// Not thread-safe: it belongs to the thread that runs the checks, which hands a new snapshot to
/// the others whenever a set_...() returned true. Ids that the fleet does not have are a bug.
class Fleet {
 public:
  explicit Fleet(std::vector<config::Endpoint> configured,
                 std::shared_ptr<const config::Profiles> profiles = config::builtin_profiles());
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// The state of this moment; what is set later does not change it.
  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;

  /// These return true when the new value differs from the old one.
  bool set_health(EndpointId id, Health health);
  /// The order counts: it is the order to try.
  bool set_addresses(EndpointId id, std::vector<Address> addresses);
  /// `now` is Unix time in seconds: models that no endpoint listed before are seen since then. The
  /// routes that the endpoint misses are forgotten: it may be another server.
  bool set_models(EndpointId id, std::vector<vllm::ModelEntry> entries, std::int64_t now);
  /// As an endpoint of type "vllm" tells it in /version; empty: it does not.
  bool set_version(EndpointId id, std::string version);
  bool set_refuses(EndpointId id, bool refuses);
  bool set_draining(EndpointId id, bool draining);
  /// The latest kMissingRoutesMax of one endpoint are kept.
  bool add_missing_route(EndpointId id, const std::string& path);
  /// The server at the endpoint is gone: its version and the routes that it missed say nothing
  /// about the next one. Its models stay, for a model whose server is down is no unknown one, and
  /// so do its figures, whose age is of interest.
  void forget_server(EndpointId id);
  /// There is a server again, and what the figures say is of another one.
  void forget_figures(EndpointId id) { changeable(id).figures.reset(); }
  /// True when the endpoint's condition changed by it; the figures are always new.
  bool set_figures(EndpointId id, std::shared_ptr<const Figures> figures);

  /// vLLM has about 30 inference routes.
  static constexpr std::size_t kMissingRoutesMax = 64;

  [[nodiscard]] std::size_t size() const { return endpoints_.size(); }
  [[nodiscard]] const Endpoint& endpoint(EndpointId id) const;
  /// Its present state.
  [[nodiscard]] const EndpointView& view(EndpointId id) const;

 private:
  EndpointView& changeable(EndpointId id);
  void note_first_seen(const Listing& listing, std::int64_t now);

  std::shared_ptr<const config::Profiles> profiles_;
  std::vector<Endpoint> endpoints_;  // Never resized: views point into it.
  std::vector<Live> live_;           // The same.
  Snapshot now_;
};

}  // namespace olla::fleet
