#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/strong.h"
#include "config/config.h"
#include "fleet/address.h"
#include "fleet/breaker.h"
#include "fleet/health.h"
#include "fleet/model_index.h"
#include "vllm/engine_state.h"
#include "vllm/models_document.h"
#include "vllm/version.h"

namespace olla::fleet {

/// What all threads count together for one endpoint. Lives as long as the Fleet.
/// Alone on its cache line, so that two busy endpoints do not slow each other's counters down.
struct alignas(64) Live {
  explicit Live(const config::Breaker& rules = {}) : breaker(rules) {}

  std::atomic<std::uint32_t> in_flight{0};  ///< Requests booked and not yet released.
  Breaker breaker;
};

/// One request in flight on an endpoint: counted from construction to destruction, on every path
/// out, and with it what the endpoint's breaker learns of the request. The Fleet must outlive it.
///
/// Of the results that are noted the first counts. One without a result, for example since the
/// client left, says nothing about the endpoint.
class Booking {
 public:
  /// Books nothing.
  Booking() = default;
  /// Whatever the breaker says: for who names the endpoint.
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
  /// Books nothing either when the breaker does not let the request in: it is open, or another
  /// request took the only place of a half-open one since it was chosen.
  static Booking admitted(Live& live, std::uint32_t limit, TimePoint now) {
    Booking booking = within(live, limit);
    if (booking) booking.pass_ = live.breaker.enter(now);
    return booking.pass_.entered ? std::move(booking) : Booking();
  }
  Booking(Booking&& other) noexcept
      : live_(std::exchange(other.live_, nullptr)), pass_(other.pass_), noted_(other.noted_) {}
  Booking& operator=(Booking&& other) noexcept {
    Booking(std::move(other)).swap(*this);
    return *this;
  }
  Booking(const Booking&) = delete;
  Booking& operator=(const Booking&) = delete;
  ~Booking() {
    if (live_ == nullptr) return;
    if (!noted_) live_->breaker.leave(pass_);
    live_->in_flight.fetch_sub(1, std::memory_order_relaxed);
  }

  /// Whether a request is booked.
  explicit operator bool() const { return live_ != nullptr; }

  /// The endpoint began a good answer: enough to close a half-open breaker. It does not end a row
  /// of failures yet, for answers that all break off are one.
  void note_begun() {
    if (pass_.probe != 0) note_success();
  }
  /// The endpoint gave an answer that shows no fault of its own, to its end.
  void note_success() {
    if (note_result()) live_->breaker.note_success(pass_);
  }
  /// The endpoint did not let itself be reached, broke off, kept silent for too long, or answered
  /// that it is broken. True when that opened the breaker.
  bool note_failure(TimePoint now) {
    return note_result() && live_->breaker.note_failure(pass_, now);
  }

 private:
  explicit Booking(Live* booked) : live_(booked) {}
  bool note_result() { return live_ != nullptr && !std::exchange(noted_, true); }
  void swap(Booking& other) noexcept {
    std::swap(live_, other.live_);
    std::swap(pass_, other.pass_);
    std::swap(noted_, other.noted_);
  }

  Live* live_ = nullptr;
  Breaker::Pass pass_;
  bool noted_ = false;
};

/// An endpoint as configured. Never changes, lives as long as the Fleet.
struct Endpoint {
  EndpointId id;
  olla::config::Endpoint config;
};

/// What an endpoint last said about itself in its metrics.
struct Figures {
  vllm::EngineState state;
  std::string text;      ///< Its /metrics.
  std::string gpu_text;  ///< What its GPU exporter said; empty: it has none, or none that answers.
  TimePoint read_at;
};

/// Whether requests may go to an endpoint, as the documents of a vLLM fleet name it.
enum class Condition : std::uint8_t {
  kReady,      ///< Requests may go there, as far as its breaker lets them.
  kUnknown,    ///< Not checked yet.
  kUnhealthy,  ///< Its checks fail.
  kDraining,   ///< It said that it takes no new requests, or the operator did.
  kAsleep,     ///< Its engines sleep: requests would hang.
};

/// "healthy", "unknown", "unhealthy", "draining", "asleep".
const char* to_string(Condition condition);

/// The same in more words, those of Olla's documents and two of our own: also why an endpoint is
/// out, and what is to be known of one that is not.
enum class Status : std::uint8_t {
  kHealthy,
  kBusy,         ///< Takes requests, but its health check is answered slowly.
  kWarming,      ///< Takes requests, and came back a moment ago: see EndpointView::share().
  kUnknown,      ///< Not checked yet.
  kOffline,      ///< Out: its checks get no answer.
  kUnhealthy,    ///< Out: its checks get an answer that is no success.
  kConfigError,  ///< Out: its checks get 401 or 403.
  kRateLimited,  ///< Out: its check got 429, and it is not checked for a while.
  kDraining,     ///< Out: see Condition.
  kAsleep,       ///< Out: see Condition.
};

/// "healthy", "busy", "warming", "unknown", "offline", "unhealthy", "config_error", "rate_limited",
/// "draining", "asleep".
const char* to_string(Status status);

/// An endpoint and what was known about it when the snapshot was made. Cheap to copy: what is large
/// is shared.
struct EndpointView {
  const Endpoint* endpoint = nullptr;
  const config::Profile* profile = nullptr;  ///< What kind of server it is; in the fleet's table.
  Live* live = nullptr;
  Health health = Health::kUnknown;
  CheckReport checks;  ///< What the checks said, for documents.
  /// When it came back after it had been out; nullopt: it was not, since the gateway started.
  std::optional<TimePoint> back_since = std::nullopt;
  /// Nobody listens on its port any more: an answer that has fallen silent will not go on.
  bool refuses = false;
  bool draining = false;           ///< Its server said so, a moment ago.
  bool drained = false;            ///< The operator said so, until he takes it back.
  std::vector<Address> addresses;  ///< In the order to try; empty: its name did not resolve yet.
  std::shared_ptr<const Listing> models;                   ///< Null: its list was never read.
  std::optional<TimePoint> models_read_at = std::nullopt;  ///< When that was done last.
  std::string version;  ///< As its server tells it; empty: it does not.
  /// Of type "vllm": `version`, and the newest when the server does not tell one. nullopt: the
  /// server was not asked yet.
  std::optional<vllm::Version> vllm_version = std::nullopt;
  std::shared_ptr<const Figures> figures;  ///< Null: never read.
  /// Inference routes that its server does not have, since it serves another kind of model.
  std::shared_ptr<const std::vector<std::string>> missing_routes;

  [[nodiscard]] Condition condition() const;
  [[nodiscard]] Status status(TimePoint now) const;
  /// How much of its share of requests it gets, kShareMin to 1: while it is warming, from
  /// `back_since` for `config::HealthRules::slow_start`, the share grows evenly with the time.
  [[nodiscard]] double share(TimePoint now) const;
  /// A cache that is empty is filled by requests, and one that fails again shall fail few.
  static constexpr double kShareMin = 0.1;
  [[nodiscard]] bool lacks_route(std::string_view path) const;
  [[nodiscard]] bool is_vllm() const { return profile->name == "vllm"; }
};

/// What a choice looks at of each candidate, side by side: of a thousand views each would have to
/// be fetched from a place of its own.
struct EndpointRow {
  const config::Profile* profile;
  Live* live;
  std::uint32_t max_concurrent;  ///< 0: no limit.
  std::uint32_t weight;
  std::int32_t priority;
  Condition condition;
  bool has_address;
  bool warms_up;       ///< Perhaps; its view tells.
  bool misses_routes;  ///< At least one; its view tells which.
};

/// The whole fleet at one moment, in the order of the config. Immutable once made, so that every
/// thread may read it; only the counters behind `live` move. The Fleet must outlive it.
struct Snapshot {
  std::vector<EndpointView> endpoints;
  std::vector<EndpointRow> rows;                      ///< Of the same, in their order.
  std::shared_ptr<const vllm::FirstSeen> first_seen;  ///< Of every model listed so far; not null.
  std::shared_ptr<const ModelIndex> model_index;      ///< Of the endpoints' lists; not null.
};

/// Owns the endpoints and their state, and makes snapshots of it.
///
/// Not thread-safe: it belongs to the thread that runs the checks, which hands a new snapshot to
/// the others whenever a set_...() returned true. Ids that the fleet does not have are a bug.
class Fleet {
 public:
  explicit Fleet(std::vector<config::Endpoint> configured,
                 std::shared_ptr<const config::Profiles> profiles = config::builtin_profiles(),
                 const config::Breaker& breaker = {});
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// The state of this moment; what is set later does not change it.
  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;

  /// These return true when the new value differs from the old one.
  /// `now` is when it came to be so: one that is healthy after it was unhealthy warms up from then
  /// on, and begins with a closed breaker.
  bool set_health(EndpointId id, Health health, TimePoint now = {});
  /// The order counts: it is the order to try.
  bool set_addresses(EndpointId id, std::vector<Address> addresses);
  /// `now` is Unix time in seconds: models that no endpoint listed before are seen since then. The
  /// routes that the endpoint misses are forgotten: it may be another server.
  bool set_models(EndpointId id, std::vector<vllm::ModelEntry> entries, std::int64_t now);
  /// The endpoint listed its models, whether it has others now or not.
  void note_models_read(EndpointId id, TimePoint now) { changeable(id).models_read_at = now; }
  /// What the endpoint has is not known any more.
  void forget_models(EndpointId id) {
    changeable(id).models.reset();
    model_index_.reset();
  }
  /// As an endpoint of type "vllm" tells it in /version; empty: it does not.
  bool set_version(EndpointId id, std::string version);
  bool set_refuses(EndpointId id, bool refuses);
  bool set_draining(EndpointId id, bool draining);
  bool set_drained(EndpointId id, bool drained);
  /// The latest kMissingRoutesMax of one endpoint are kept.
  bool add_missing_route(EndpointId id, const std::string& path);
  /// The server at the endpoint is gone: its version and the routes that it missed say nothing
  /// about the next one. Its models stay, for a model whose server is down is no unknown one, and
  /// so do its figures, whose age is of interest.
  void forget_server(EndpointId id);
  /// Changes no condition.
  void set_checks(EndpointId id, const CheckReport& checks) { changeable(id).checks = checks; }
  /// There is a server again, and what the figures say is of another one.
  void forget_figures(EndpointId id) { changeable(id).figures.reset(); }
  /// True when the endpoint's condition changed by it; the figures are always new.
  bool set_figures(EndpointId id, std::shared_ptr<const Figures> figures);

  /// vLLM has about 30 inference routes.
  static constexpr std::size_t kMissingRoutesMax = 64;

  /// What an endpoint turned out to be; one of profiles(). What was known of its server is not
  /// forgotten by it.
  bool set_profile(EndpointId id, const config::Profile& profile);

  [[nodiscard]] const config::Profiles& profiles() const { return *profiles_; }
  [[nodiscard]] std::size_t size() const { return endpoints_.size(); }
  [[nodiscard]] const Endpoint& endpoint(EndpointId id) const;
  /// Its present state.
  [[nodiscard]] const EndpointView& view(EndpointId id) const;

 private:
  EndpointView& changeable(EndpointId id);
  void note_first_seen(const Listing& listing, std::int64_t now);

  std::shared_ptr<const config::Profiles> profiles_;
  std::vector<Endpoint> endpoints_;  // Never resized: views point into it.
  std::deque<Live> live_;            // The same.
  Snapshot now_;                     // Without its rows and its index.
  // For the next snapshot; null when a list has changed since it was made.
  mutable std::shared_ptr<const ModelIndex> model_index_;
};

}  // namespace olla::fleet
