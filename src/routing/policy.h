#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "config/config.h"

namespace olla::routing {

/// What a policy sees of an endpoint that could take the request.
struct Candidate {
  std::uint32_t index;   ///< Of the endpoint, in its snapshot.
  std::uint32_t load;    ///< Requests in flight, read once: the counters move.
  std::uint32_t weight;  ///< Its share of requests, in a unit that all have in common; not 0.
  std::int32_t priority;
};

/// What makes two choices among the same candidates differ. Handed in, so that a policy is a pure
/// function.
struct Draw {
  std::uint32_t turn = 0;    ///< One more for each choice: what goes in turn goes by it.
  std::uint64_t random = 0;  ///< 64 random bits.
};

/// The candidate that gets the request. The order of `candidates`, which must not be empty, is that
/// of their turns; what they hold afterwards is of no use. Linear time, allocates nothing.
///
/// kPriority: the highest tier, and in it as kLeastConnections.
/// kRoundRobin: in turn. Of as many consecutive turns as all weights together have, without their
/// common factor, each candidate gets its weight, spread over them.
/// kLeastConnections: the fewest requests in flight for its weight; those that tie in turn.
/// kRandom: by weight.
/// kPowerOfTwo: two by weight, and of them the one with fewer in flight for its weight.
[[nodiscard]] Candidate choose(config::LoadBalancer policy, std::span<Candidate> candidates,
                               const Draw& draw);

}  // namespace olla::routing
