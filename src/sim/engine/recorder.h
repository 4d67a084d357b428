#pragma once

#include "base/clock.h"
#include "sim/engine/stats.h"
#include "sim/engine/task.h"

namespace olla::sim::engine {

/// The client has one more token of the task: `made` at the engine, `now` at the client. Updates
/// the task's record of its tokens.
void record_token(Stats& stats, Task& task, TimePoint made, TimePoint now);

/// The token before was the task's last one.
void record_finish(Stats& stats, const Task& task, FinishReason reason);

}  // namespace olla::sim::engine
