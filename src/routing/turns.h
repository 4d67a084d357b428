#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace olla::routing {

/// Counts the choices, for what goes in turn. Those of different models are counted apart: with one
/// count for all, two models that are asked for by turns would each get every other turn, and so
/// always the same one of two endpoints.
///
/// Thread-safe: relaxed counters, which only steer choices. Models may share a counter by chance.
class Turns {
 public:
  static constexpr std::size_t kCounters = 256;

  /// The next turn of this model; an empty name is that of requests without one.
  std::uint32_t next(std::string_view model) {
    // Real names are shorter than this, and a client's nonsense may be megabytes.
    const std::size_t hash = std::hash<std::string_view>{}(model.substr(0, 256));
    return counters_[hash % kCounters].fetch_add(1, std::memory_order_relaxed);
  }

  /// Makes `turn` the next one of every model. For tests, which want to know who is first.
  void start_at(std::uint32_t turn) {
    for (auto& counter : counters_)
      counter.store(turn, std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint32_t>, kCounters> counters_{};
};

}  // namespace olla::routing
