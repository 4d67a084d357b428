#include "routing/policy.h"

#include <compare>
#include <numeric>

#include "base/check.h"

namespace olla::routing {
namespace {

using Candidates = std::span<const Candidate>;

/// The candidate that owns the `slot`, when each but `but` owns as many as its weight, one behind
/// the other.
const Candidate& owner_of(std::uint64_t slot, Candidates candidates,
                          const Candidate* but = nullptr) {
  for (const Candidate& one : candidates) {
    if (&one == but) continue;
    if (slot < one.weight) return one;
    slot -= one.weight;
  }
  return candidates.back();
}

/// One after the other, each as often as its weight.
const Candidate& in_turn(Candidates candidates, std::uint32_t turn) {
  std::uint64_t unit = 0;
  std::uint64_t total = 0;
  for (const Candidate& one : candidates) {
    if (unit != one.weight) unit = std::gcd(unit, std::uint64_t{one.weight});
    total += one.weight;
  }
  OLLA_CHECK(unit > 0);
  const std::uint64_t slots = total / unit;
  if (slots == candidates.size()) return candidates[turn % slots];  // Equals, in their order.
  // Steps through all slots in strides of the golden section: each is visited once in `slots`
  // turns, and those of one owner come about evenly spaced.
  std::uint64_t stride = slots * 618 / 1000;
  while (std::gcd(stride, slots) != 1)
    ++stride;
  return owner_of(turn % slots * stride % slots * unit, candidates);
}

/// Keeps at the front, in their order, those candidates that none is better than, and returns them.
/// `compare` tells how many steps the first is better than the second, by the sign.
template <class Compare>
std::span<Candidate> best_of(std::span<Candidate> candidates, const Compare& compare) {
  std::size_t kept = 0;
  Candidate best{};
  for (const Candidate& one : candidates) {
    const auto better = kept == 0 ? std::strong_ordering::greater : compare(one, best);
    if (better < 0) continue;
    if (better > 0) {
      best = one;
      kept = 0;
    }
    candidates[kept++] = one;
  }
  return candidates.first(kept);
}

/// b.load / b.weight to a.load / a.weight, without rounding.
std::strong_ordering less_busy(const Candidate& a, const Candidate& b) {
  return std::uint64_t{b.load} * a.weight <=> std::uint64_t{a.load} * b.weight;
}

/// The least busy. Those that tie get their turns by weight: without load all tie, and one with
/// little weight, or that came back a moment ago, shall get few requests then, too.
const Candidate& least_connections(std::span<Candidate> candidates, std::uint32_t turn) {
  return in_turn(best_of(candidates, less_busy), turn);
}

const Candidate& by_priority(std::span<Candidate> candidates, std::uint32_t turn) {
  const auto compare = [](const Candidate& one, const Candidate& other) {
    return one.priority == other.priority ? less_busy(one, other) : one.priority <=> other.priority;
  };
  return in_turn(best_of(candidates, compare), turn);
}

std::uint64_t total_weight(Candidates candidates) {
  std::uint64_t total = 0;
  for (const Candidate& one : candidates)
    total += one.weight;
  return total;
}

/// `random` as a number in [0, bound).
std::uint64_t scaled(std::uint32_t random, std::uint64_t bound) {
  return (std::uint64_t{random} * bound) >> 32;
}

const Candidate& at_random(Candidates candidates, std::uint64_t random) {
  const auto bits = static_cast<std::uint32_t>(random >> 32);
  return owner_of(scaled(bits, total_weight(candidates)), candidates);
}

const Candidate& power_of_two(Candidates candidates, std::uint64_t random) {
  const Candidate& one = at_random(candidates, random);
  if (candidates.size() == 1) return one;
  const std::uint64_t others = total_weight(candidates) - one.weight;
  const auto bits = static_cast<std::uint32_t>(random);
  const Candidate& other = owner_of(scaled(bits, others), candidates, &one);
  return less_busy(other, one) > 0 ? other : one;
}

}  // namespace

Candidate choose(config::LoadBalancer policy, std::span<Candidate> candidates, const Draw& draw) {
  switch (policy) {
    case config::LoadBalancer::kPriority:
      return by_priority(candidates, draw.turn);
    case config::LoadBalancer::kRoundRobin:
      return in_turn(candidates, draw.turn);
    case config::LoadBalancer::kRandom:
      return at_random(candidates, draw.random);
    case config::LoadBalancer::kPowerOfTwo:
      return power_of_two(candidates, draw.random);
    case config::LoadBalancer::kLeastConnections:
      break;
  }
  return least_connections(candidates, draw.turn);
}

}  // namespace olla::routing
