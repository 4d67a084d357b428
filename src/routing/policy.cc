#include "routing/policy.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace olla::routing {
namespace {

using Candidates = std::span<const Candidate>;

bool is_less_busy(const Candidate& a, const Candidate& b) {
  // a.load / a.weight < b.load / b.weight, without rounding.
  return std::uint64_t{a.load} * b.weight < std::uint64_t{b.load} * a.weight;
}

bool any_counts(const Candidate& /*one*/) {
  return true;
}

/// The candidate that owns the `slot`, when each for which `counts` is true owns as many as its
/// weight, one behind the other.
template <class Counts>
const Candidate& owner_of(std::uint64_t slot, Candidates candidates, const Counts& counts) {
  for (const Candidate& one : candidates) {
    if (!counts(one)) continue;
    if (slot < one.weight) return one;
    slot -= one.weight;
  }
  return candidates.back();
}

/// One after the other of those for which `counts` is true, each as often as its weight; there is
/// one.
template <class Counts>
const Candidate& in_turn(Candidates candidates, std::uint32_t turn, const Counts& counts) {
  std::uint64_t unit = 0;
  std::uint64_t total = 0;
  std::uint64_t number = 0;
  for (const Candidate& one : candidates) {
    if (!counts(one)) continue;
    if (unit != one.weight) unit = std::gcd(unit, std::uint64_t{one.weight});
    total += one.weight;
    ++number;
  }
  OLLA_CHECK(unit > 0);
  const std::uint64_t slots = total / unit;
  std::uint64_t stride = 1;  // Through equals in their order.
  if (slots != number) {
    // Steps through all slots in strides of the golden section: each is visited once in `slots`
    // turns, and those of one owner come about evenly spaced.
    stride = slots * 618 / 1000;
    while (std::gcd(stride, slots) != 1)
      ++stride;
  }
  return owner_of(turn % slots * stride % slots * unit, candidates, counts);
}

/// The least busy of those for which `counts` is true; there is one. Those that tie get their turns
/// by weight: without load all tie, and one with little weight, or that came back a moment ago,
/// shall get few requests then, too.
template <class Counts>
const Candidate& least_busy(Candidates candidates, std::uint32_t turn, const Counts& counts) {
  const Candidate* best = nullptr;
  bool ties = false;
  for (const Candidate& one : candidates) {
    if (!counts(one)) continue;
    if (best == nullptr || is_less_busy(one, *best)) {
      best = &one;
      ties = false;
    } else if (!is_less_busy(*best, one)) {
      ties = true;
    }
  }
  OLLA_CHECK(best != nullptr);
  if (!ties) return *best;
  // Another pass, since a list of the tied ones would have to be kept somewhere.
  return in_turn(candidates, turn, [&counts, best](const Candidate& one) {
    return counts(one) && !is_less_busy(*best, one);
  });
}

const Candidate& least_connections(Candidates candidates, std::uint32_t turn) {
  return least_busy(candidates, turn, any_counts);
}

const Candidate& by_priority(Candidates candidates, std::uint32_t turn) {
  const std::int32_t top =
      std::max_element(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
        return a.priority < b.priority;
      })->priority;
  return least_busy(candidates, turn, [top](const Candidate& one) { return one.priority == top; });
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
  return owner_of(scaled(bits, total_weight(candidates)), candidates, any_counts);
}

const Candidate& power_of_two(Candidates candidates, std::uint64_t random) {
  const Candidate& one = at_random(candidates, random);
  if (candidates.size() == 1) return one;
  const std::uint64_t others = total_weight(candidates) - one.weight;
  const auto bits = static_cast<std::uint32_t>(random);
  const Candidate& other = owner_of(scaled(bits, others), candidates,
                                    [&one](const Candidate& each) { return &each != &one; });
  return is_less_busy(other, one) ? other : one;
}

}  // namespace

const Candidate& choose(config::LoadBalancer policy, Candidates candidates, const Draw& draw) {
  switch (policy) {
    case config::LoadBalancer::kPriority:
      return by_priority(candidates, draw.turn);
    case config::LoadBalancer::kRoundRobin:
      return in_turn(candidates, draw.turn, any_counts);
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
