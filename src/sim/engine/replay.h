#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "sim/engine/core.h"

namespace olla::sim::engine {

/// One request of a trace.
struct ReplayRow {
  Duration send{};  ///< After the beginning.
  Request request;
};

/// What became of it.
struct ReplayResult {
  Duration ttft{};  ///< From its sending to the first token.
  Duration e2e{};   ///< To the last one.
  std::size_t tokens = 0;
  std::size_t cached_tokens = 0;
};

struct ReplayOutcome {
  std::vector<ReplayResult> results;  ///< In the order of the rows.
  Duration end{};                     ///< When the last token was with its client.
  Stats stats;
};

/// Sends the rows to one server, in virtual time, and waits for all answers. `rows`: in the order
/// of their times.
ReplayOutcome replay(std::shared_ptr<const Profile> profile, Policy policy,
                     std::vector<ReplayRow> rows);

}  // namespace olla::sim::engine
