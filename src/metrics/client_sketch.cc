#include "metrics/client_sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace olla::metrics {
namespace {

constexpr int kIndexBits = 9;
static_assert(ClientSketch::kRegisters == std::size_t{1} << kIndexBits);

/// FNV-1a, and then the end of SplitMix64: addresses differ in few bits, the sketch needs all.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  hash ^= hash >> 30;
  hash *= 0xbf58476d1ce4e5b9ULL;
  hash ^= hash >> 27;
  hash *= 0x94d049bb133111ebULL;
  return hash ^ (hash >> 31);
}

}  // namespace

void ClientSketch::add(std::string_view client) {
  const std::uint64_t hash = hash_of(client);
  std::atomic<std::uint8_t>& place = registers_.at(hash >> (64 - kIndexBits));
  // How rare the rest is: its leading zeros, and one.
  const auto rank = static_cast<std::uint8_t>(
      std::min(std::countl_zero(hash << kIndexBits), 64 - kIndexBits) + 1);
  if (rank > place.load(std::memory_order_relaxed)) place.store(rank, std::memory_order_relaxed);
}

void ClientSketch::merge_into(Registers& registers) const {
  for (std::size_t i = 0; i < kRegisters; ++i)
    registers[i] = std::max(registers[i], registers_[i].load(std::memory_order_relaxed));
}

std::uint64_t clients_in(const ClientSketch::Registers& registers) {
  constexpr auto kCount = static_cast<double>(ClientSketch::kRegisters);
  double sum = 0;
  double empty = 0;
  for (const std::uint8_t place : registers) {
    sum += std::ldexp(1.0, -place);
    if (place == 0) ++empty;
  }
  constexpr double kAlpha = 0.7213 / (1 + 1.079 / kCount);
  const double estimate = kAlpha * kCount * kCount / sum;
  const bool few = estimate <= 2.5 * kCount && empty > 0;
  return static_cast<std::uint64_t>(
      std::llround(few ? kCount * std::log(kCount / empty) : estimate));
}

}  // namespace olla::metrics
