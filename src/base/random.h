#pragma once

#include <cstdint>
#include <string>

namespace olla {

/// SplitMix64 (Steele, Lea, Flood 2014): one 64-bit word of state, good enough for ids, jitter and
/// simulated text; not for secrets. Always handed in, never global, so a test can seed it.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next();
  /// Uniform in [0, bound); `bound` must not be 0.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double unit();

 private:
  std::uint64_t state_;
};

/// A seed from the system's entropy source, for main().
std::uint64_t system_seed();

/// `value` as 16 lower-case hexadecimal digits.
std::string hex16(std::uint64_t value);

}  // namespace olla
