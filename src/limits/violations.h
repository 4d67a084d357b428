#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <unordered_map>

#include "base/cidr.h"
#include "base/clock.h"

namespace olla::limits {

/// Counts requests that a limit or a policy refused. Any thread.
class Violations {
 public:
  /// Clients that are told apart; when there are more, those are forgotten first that were not over
  /// a limit for longest.
  static constexpr std::size_t kClientsMax = 100'000;
  /// For so long a client counts as limited.
  static constexpr Duration kRemembered = std::chrono::hours(1);

  void count_rate(const IpBits& client, TimePoint now);
  void count_size() { size_.fetch_add(1, std::memory_order_relaxed); }
  void count_access() { access_.fetch_add(1, std::memory_order_relaxed); }

  /// Requests over a rate limit.
  [[nodiscard]] std::uint64_t rate() const { return rate_.load(std::memory_order_relaxed); }
  /// Requests whose head or body was too large.
  [[nodiscard]] std::uint64_t size() const { return size_.load(std::memory_order_relaxed); }
  /// Requests for the gateway's own documents from where they are not allowed.
  [[nodiscard]] std::uint64_t access() const { return access_.load(std::memory_order_relaxed); }
  /// Clients (as client_key() tells them apart) that were over a rate limit within kRemembered.
  [[nodiscard]] std::size_t limited_clients(TimePoint now);

 private:
  struct Client {
    std::uint64_t hash;
    TimePoint at;  // Over a limit for the last time.
  };

  void forget_old(TimePoint now);  // Under the lock.

  std::atomic<std::uint64_t> rate_{0};
  std::atomic<std::uint64_t> size_{0};
  std::atomic<std::uint64_t> access_{0};
  std::mutex mutex_;           // Held for one look-up, by refused requests and documents alone.
  std::list<Client> clients_;  // The one that was over a limit last comes last.
  std::unordered_map<std::uint64_t, std::list<Client>::iterator> by_hash_;
};

}  // namespace olla::limits
