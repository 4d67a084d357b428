#pragma once

#include <set>

#include "sim/engine/profile.h"
#include "sim/engine/task.h"

namespace olla::sim::engine {

/// Whether `a` goes before `b`. A task keeps its order when it is preempted, so that it goes
/// before all that never ran.
struct TaskOrder {
  Policy policy;
  bool operator()(const Task* a, const Task* b) const {
    if (policy == Policy::kPriority && a->request.priority != b->request.priority) {
      return a->request.priority < b->request.priority;
    }
    return a->order < b->order;
  }
};

/// The tasks that wait to run. Does not own them.
class WaitingQueue {
 public:
  explicit WaitingQueue(Policy policy) : tasks_(TaskOrder{policy}) {}

  [[nodiscard]] bool empty() const { return tasks_.empty(); }
  [[nodiscard]] std::size_t size() const { return tasks_.size(); }
  /// The next one; there must be one.
  [[nodiscard]] Task* front() const { return *tasks_.begin(); }
  void push(Task& task) { tasks_.insert(&task); }
  /// Ignored if it is not in here.
  void remove(Task& task) { tasks_.erase(&task); }

 private:
  std::set<Task*, TaskOrder> tasks_;
};

}  // namespace olla::sim::engine
