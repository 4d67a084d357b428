#pragma once

#include <cstddef>
#include <vector>

#include "sim/engine/cost_model.h"
#include "sim/engine/kv_cache.h"
#include "sim/engine/profile.h"
#include "sim/engine/task.h"
#include "sim/engine/waiting_queue.h"

namespace olla::sim::engine {

/// What one task has of a step.
struct Share {
  Task* task = nullptr;
  std::size_t tokens = 0;
  std::size_t computed = 0;       ///< Before the step.
  bool samples = false;           ///< It gives a token.
  std::uint32_t preemptions = 0;  ///< Of the task, when the step was decided on.
};

/// One pass of the model.
struct Step {
  std::vector<Share> shares;
  StepWork work;
};

/// What happened in the scheduler so far.
struct SchedulerCounts {
  std::uint64_t preemptions = 0;
  /// Looked up and found in the prefix cache, in tokens. A task that does not fit yet is looked up
  /// again in every step; one that was preempted does not count. So does vLLM.
  std::uint64_t queried_tokens = 0;
  std::uint64_t hit_tokens = 0;
};

/// Decides what each step does, as vLLM's scheduler (V1, chunked prefill) does:
///
/// - Running tasks come first, in the order in which they were admitted: one token for each that
///   decodes, the rest of the prompt, as far as the budget of tokens goes, for the others.
/// - A task without a free block for its token makes the newest running one (or the one of the
///   lowest priority) give up all its blocks and wait; that one computes everything anew later.
/// - Then waiting ones are admitted while budget and places last, each when blocks for its whole
///   prompt are free; one that does not fit blocks those behind it. None in a step that preempted.
///
/// Holds pointers to tasks that are waiting or running; does not own them. Not thread-safe.
class Scheduler {
 public:
  Scheduler(const Profile::Limits& limits, Policy policy);

  /// The task waits from here on.
  void add(Task& task);
  /// The task runs and waits no more; gives its blocks back.
  void remove(Task& task);

  /// Decides on the next step; it is empty when there is nothing to do at the moment. `now`: for
  /// when a task was first scheduled.
  void schedule(Step& step, TimePoint now);

  [[nodiscard]] bool idle() const { return running_.empty() && waiting_.empty(); }
  [[nodiscard]] std::size_t running() const { return running_.size(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] KvCache& cache() { return cache_; }
  [[nodiscard]] const KvCache& cache() const { return cache_; }
  [[nodiscard]] const SchedulerCounts& counts() const { return counts_; }

 private:
  void continue_running(Step& step);
  bool make_room(Step& step, Task& task, std::size_t tokens);
  void admit_waiting(Step& step, TimePoint now);
  void preempt(Step& step, Task& victim);
  void give(Step& step, Task& task, std::size_t tokens);
  static void commit(Step& step);

  Profile::Limits limits_;
  Policy policy_;
  KvCache cache_;
  WaitingQueue waiting_;
  std::vector<Task*> running_;
  SchedulerCounts counts_;
  std::size_t budget_ = 0;  // of the step that is being decided on
  bool preempted_ = false;  // in that step
};

}  // namespace olla::sim::engine
