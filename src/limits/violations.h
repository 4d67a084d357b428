#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_set>

#include "base/cidr.h"

namespace olla::limits {

/// Counts requests that a limit or a policy refused. Any thread.
class Violations {
 public:
  /// Clients that are told apart; of more only this number is known.
  static constexpr std::size_t kClientsMax = 100'000;

  void count_rate(const IpBits& client);
  void count_size() { size_.fetch_add(1, std::memory_order_relaxed); }
  void count_access() { access_.fetch_add(1, std::memory_order_relaxed); }

  /// Requests over a rate limit.
  [[nodiscard]] std::uint64_t rate() const { return rate_.load(std::memory_order_relaxed); }
  /// Requests whose head or body was too large.
  [[nodiscard]] std::uint64_t size() const { return size_.load(std::memory_order_relaxed); }
  /// Requests for the gateway's own documents from where they are not allowed.
  [[nodiscard]] std::uint64_t access() const { return access_.load(std::memory_order_relaxed); }
  /// Clients (as client_key() tells them apart) that were over a rate limit since the start.
  [[nodiscard]] std::size_t limited_clients() const {
    return limited_clients_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> rate_{0};
  std::atomic<std::uint64_t> size_{0};
  std::atomic<std::uint64_t> access_{0};
  std::atomic<std::size_t> limited_clients_{0};
  std::mutex mutex_;  // Held for one look-up, and by refused requests alone.
  std::unordered_set<std::uint64_t> seen_;
};

}  // namespace olla::limits
