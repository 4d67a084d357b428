#pragma once

#include <atomic>
#include <cstdint>

namespace olla::metrics {

/// A number that one thread changes and every thread may read. Readers may see one counter ahead of
/// another: a page of metrics says what was true around the time it was made.
class Counter {
 public:
  /// These are for the owning thread alone; a plain store is enough for it.
  void add(std::uint64_t count = 1) { set(value() + count); }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }

  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace olla::metrics
