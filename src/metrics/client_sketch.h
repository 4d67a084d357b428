#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace olla::metrics {

/// Counts different clients in a fixed space: HyperLogLog (Flajolet and others, 2007) with linear
/// counting for few. Exact for a handful, 5 % off for many.
///
/// One thread adds, every thread may read.
class ClientSketch {
 public:
  static constexpr std::size_t kRegisters = 512;
  using Registers = std::array<std::uint8_t, kRegisters>;

  void add(std::string_view client);

  /// Takes what this one has seen into `registers`, which start as zeros.
  void merge_into(Registers& registers) const;

 private:
  std::array<std::atomic<std::uint8_t>, kRegisters> registers_{};
};

/// How many different clients the registers have seen.
std::uint64_t clients_in(const ClientSketch::Registers& registers);

}  // namespace olla::metrics
