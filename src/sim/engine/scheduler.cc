#include "sim/engine/scheduler.h"

#include <algorithm>

#include "base/check.h"

namespace olla::sim::engine {

Scheduler::Scheduler(const Profile::Limits& limits, Policy policy)
    : limits_(limits),
      policy_(policy),
      cache_(limits.num_gpu_blocks, limits.enable_prefix_caching),
      waiting_(policy) {
  OLLA_CHECK(limits.max_num_seqs > 0 && limits.max_num_batched_tokens > 0);
}

void Scheduler::add(Task& task) {
  // Otherwise it would wait for ever, and all behind it.
  OLLA_CHECK(blocks_for(task.known + task.request.tokens_max) <= cache_.blocks());
  waiting_.push(task);
}

void Scheduler::remove(Task& task) {
  if (task.running) {
    task.running = false;
    running_.erase(std::find(running_.begin(), running_.end(), &task));
  } else {
    waiting_.remove(task);
  }
  cache_.release(task.holding);
}

void Scheduler::schedule(Step& step, TimePoint now) {
  step.shares.clear();
  step.work = {};
  budget_ = limits_.max_num_batched_tokens;
  preempted_ = false;
  continue_running(step);
  if (!preempted_) admit_waiting(step, now);
  commit(step);
}

void Scheduler::continue_running(Step& step) {
  for (std::size_t i = 0; i < running_.size() && budget_ > 0;) {
    Task& task = *running_[i];
    std::size_t tokens = 1;
    if (task.computed < task.known) {
      tokens = std::min(task.known - task.computed, budget_);
    } else if (task.generated + task.pending >= task.request.tokens_max) {
      ++i;  // Its last token is on its way.
      continue;
    }
    const bool fits = make_room(step, task, tokens);
    if (!fits) break;
    // Others that stood before it may be gone.
    while (i >= running_.size() || running_[i] != &task) {
      --i;
    }
    ++i;
    give(step, task, tokens);
  }
}

/// Blocks for `tokens` more of the task; false when it had to go itself.
bool Scheduler::make_room(Step& step, Task& task, std::size_t tokens) {
  while (!cache_.grow(task.holding, task.computed + tokens)) {
    Task* victim = running_.back();
    if (policy_ == Policy::kPriority) {
      victim = *std::max_element(running_.begin(), running_.end(), TaskOrder{policy_});
    }
    preempt(step, *victim);
    if (victim == &task) return false;
  }
  return true;
}

void Scheduler::preempt(Step& step, Task& victim) {
  const auto at = std::find_if(step.shares.begin(), step.shares.end(),
                               [&victim](const Share& share) { return share.task == &victim; });
  if (at != step.shares.end()) {
    budget_ += at->tokens;
    step.shares.erase(at);
  }
  remove(victim);
  victim.known = victim.length();
  victim.computed = 0;
  victim.pending = 0;
  ++victim.preemptions;
  ++counts_.preemptions;
  preempted_ = true;
  waiting_.push(victim);
}

void Scheduler::admit_waiting(Step& step, TimePoint now) {
  while (!waiting_.empty() && budget_ > 0 && running_.size() < limits_.max_num_seqs) {
    Task& task = *waiting_.front();
    // The last token is always computed: what comes after it follows from that.
    const auto matched = cache_.match(task.hashes, (task.known - 1) / kBlockTokens);
    const std::size_t hit = matched.size() * kBlockTokens;
    if (limits_.enable_prefix_caching && task.preemptions == 0) {
      counts_.queried_tokens += task.known;
      counts_.hit_tokens += hit;
    }
    if (!cache_.fits(blocks_for(task.known), matched)) return;
    waiting_.remove(task);
    cache_.share(task.holding, matched);
    task.computed = hit;
    if (!task.cached) {
      task.cached = hit;
      task.started = now;
    }
    task.running = true;
    running_.push_back(&task);
    const std::size_t tokens = std::min(task.known - hit, budget_);
    const bool grown = cache_.grow(task.holding, hit + tokens);
    OLLA_CHECK(grown);
    give(step, task, tokens);
  }
}

/// The step computes so many tokens of the task. Full blocks of known tokens can be found from here
/// on, also by others in the same step.
void Scheduler::give(Step& step, Task& task, std::size_t tokens) {
  step.shares.push_back({&task, tokens, task.computed, false, task.preemptions});
  budget_ -= tokens;
  const std::size_t known = std::min(task.computed + tokens, task.length());
  cache_.name(task.holding, task.hashes, known / kBlockTokens);
}

/// The step will run: what it computes counts as computed.
void Scheduler::commit(Step& step) {
  for (Share& share : step.shares) {
    Task& task = *share.task;
    if (share.computed < task.known) {
      step.work.add_prompt(share.tokens, share.computed);
    } else {
      step.work.add_decode(share.computed);
    }
    task.computed += share.tokens;
    share.samples = task.computed >= task.known;
    if (share.samples) ++task.pending;
    ++task.steps;
  }
}

}  // namespace olla::sim::engine
