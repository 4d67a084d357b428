#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/strong.h"
#include "config/config.h"

namespace olla::routing {

/// Which endpoint each session is pinned to. A session ends when it was not used for the configured
/// time, or when there are too many and it is the one that was used least lately.
///
/// Thread-safe: each call holds a lock for the time of one look-up, and many sessions are spread
/// over several locks.
class StickySessions {
 public:
  /// All since the start, but for `active`.
  struct Report {
    std::uint64_t active = 0;      ///< Sessions that are pinned now.
    std::uint64_t insertions = 0;  ///< New sessions.
    std::uint64_t hits = 0;        ///< Look-ups of a session that there was.
    std::uint64_t misses = 0;      ///< Of one that there was not.
    std::uint64_t evictions = 0;   ///< Sessions that ended by time, or to make room.
    std::uint64_t repins = 0;      ///< Sessions that moved to another endpoint.
  };

  explicit StickySessions(const config::StickySessions& rules);

  /// The endpoint of the session; nullopt: there is no such session. Counts as a use of it.
  std::optional<EndpointId> find(std::uint64_t session, TimePoint now);

  /// Pins the session to the endpoint. Counts as a use of it.
  void pin(std::uint64_t session, EndpointId endpoint, TimePoint now);

  [[nodiscard]] Report report(TimePoint now);

  /// More sessions than this have several locks.
  static constexpr std::size_t kOneLockMax = 1024;
  static constexpr std::size_t kLocks = 16;

 private:
  struct Session {
    std::uint64_t key;
    EndpointId endpoint;
    TimePoint used;
  };
  struct Shard {
    std::mutex mutex;
    std::list<Session> sessions;  // The one that was used last comes first.
    std::unordered_map<std::uint64_t, std::list<Session>::iterator> by_key;
    Report counts;
  };

  Shard& shard_of(std::uint64_t session);
  void drop_old(Shard& shard, TimePoint now) const;

  const Duration idle_ttl_;
  std::size_t shard_sessions_max_ = 0;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace olla::routing
