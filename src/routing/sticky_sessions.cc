#include "routing/sticky_sessions.h"

namespace olla::routing {

StickySessions::StickySessions(const config::StickySessions& rules)
    : idle_ttl_(rules.idle_ttl.count() > 0 ? Duration(rules.idle_ttl) : Duration::max()) {
  const std::size_t locks = rules.max_sessions > kOneLockMax ? kLocks : 1;
  shard_sessions_max_ = rules.max_sessions / locks;
  for (std::size_t i = 0; i < locks; ++i)
    shards_.push_back(std::make_unique<Shard>());
}

std::optional<EndpointId> StickySessions::find(std::uint64_t session, TimePoint now) {
  Shard& shard = shard_of(session);
  const std::lock_guard lock(shard.mutex);
  drop_old(shard, now);
  const auto found = shard.by_key.find(session);
  if (found == shard.by_key.end()) {
    ++shard.counts.misses;
    return std::nullopt;
  }
  ++shard.counts.hits;
  found->second->used = now;
  shard.sessions.splice(shard.sessions.begin(), shard.sessions, found->second);
  return found->second->endpoint;
}

void StickySessions::pin(std::uint64_t session, EndpointId endpoint, TimePoint now) {
  Shard& shard = shard_of(session);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_key.find(session);
  if (found != shard.by_key.end()) {
    if (found->second->endpoint != endpoint) ++shard.counts.repins;
    found->second->endpoint = endpoint;
    found->second->used = now;
    shard.sessions.splice(shard.sessions.begin(), shard.sessions, found->second);
    return;
  }
  shard.sessions.push_front({session, endpoint, now});
  shard.by_key.emplace(session, shard.sessions.begin());
  ++shard.counts.insertions;
  if (shard.sessions.size() > shard_sessions_max_) {
    shard.by_key.erase(shard.sessions.back().key);
    shard.sessions.pop_back();
    ++shard.counts.evictions;
  }
}

StickySessions::Report StickySessions::report(TimePoint now) {
  Report sum;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    drop_old(*shard, now);
    sum.active += shard->sessions.size();
    sum.insertions += shard->counts.insertions;
    sum.hits += shard->counts.hits;
    sum.misses += shard->counts.misses;
    sum.evictions += shard->counts.evictions;
    sum.repins += shard->counts.repins;
  }
  return sum;
}

StickySessions::Shard& StickySessions::shard_of(std::uint64_t session) {
  // The lowest bits of the hash choose within a shard's table.
  return *shards_[(session >> 32) % shards_.size()];
}

/// The last in the list was used least lately. Threads may see the time a little apart: one that is
/// behind them all is dropped later.
void StickySessions::drop_old(Shard& shard, TimePoint now) const {
  while (!shard.sessions.empty() && now - shard.sessions.back().used >= idle_ttl_) {
    shard.by_key.erase(shard.sessions.back().key);
    shard.sessions.pop_back();
    ++shard.counts.evictions;
  }
}

}  // namespace olla::routing
