#include "sim/engine/scheduler.h"

#include <gtest/gtest.h>

#include <deque>
#include <numeric>
#include <string>

namespace olla::sim::engine {
namespace {

/// One step after the other, each finished before the next is decided on.
class SchedulerTest : public testing::Test {
 protected:
  struct Wanted {
    std::size_t prompt = 1;
    std::size_t answer = 1;
    std::int64_t priority = 0;
    std::uint32_t first = 0;  // token of the prompt; 0: a prompt like no other
  };

  void make(const Profile::Limits& limits, Policy policy = Policy::kFcfs) {
    scheduler_.emplace(limits, policy);
  }

  static Profile::Limits limits(std::size_t seqs, std::size_t tokens, std::size_t blocks) {
    Profile::Limits out;
    out.max_num_seqs = seqs;
    out.max_num_batched_tokens = tokens;
    out.num_gpu_blocks = blocks;
    return out;
  }

  Task& add(const Wanted& wanted) {
    std::vector<std::uint32_t> tokens(wanted.prompt);
    const auto number = static_cast<std::uint32_t>(tasks_.size());
    std::iota(tokens.begin(), tokens.end(), wanted.first != 0 ? wanted.first : 1000 * (number + 1));
    Request request;
    request.prompt = prompt_of(tokens, 0);
    request.tokens_max = wanted.answer;
    request.priority = wanted.priority;
    Task& task = tasks_.emplace_back(RequestId(number), std::move(request), TimePoint());
    task.order = number;
    scheduler_->add(task);
    return task;
  }

  /// Decides on a step: "a16 b1" are 16 tokens of the first task and 1 of the second.
  std::string decide() {
    scheduler_->schedule(step_, TimePoint());
    std::string out;
    for (const Share& share : step_.shares) {
      if (!out.empty()) out += ' ';
      out += static_cast<char>('a' + share.task->id.value());
      out += std::to_string(share.tokens);
    }
    return out;
  }

  /// The step is done: those that have all their tokens leave.
  void finish() {
    for (const Share& share : step_.shares) {
      Task& task = *share.task;
      --task.steps;
      if (!share.samples || share.preemptions != task.preemptions) continue;
      --task.pending;
      task.append(7);
      if (task.generated == task.request.tokens_max) scheduler_->remove(task);
    }
  }

  /// Decides on steps and finishes them until there is nothing to do: "a16 | a1".
  std::string run() {
    std::string out;
    while (!scheduler_->idle()) {
      out += (out.empty() ? "" : " | ") + decide();
      finish();
    }
    return out;
  }

  std::optional<Scheduler> scheduler_;
  std::deque<Task> tasks_;
  Step step_;
};

TEST_F(SchedulerTest, SharesTheBudgetOfAStep) {
  struct Case {
    std::size_t seqs;
    std::size_t budget;
    std::vector<Wanted> wanted;
    std::string steps;
  };
  for (const Case& each : {
           Case{9, 100, {{30, 3}}, "a30 | a1 | a1"},
           // Several prompts share a step, and the last one fills it up.
           Case{9, 100, {{30, 1}, {50, 1}, {70, 1}}, "a30 b50 c20 | c50"},
           // A prompt in pieces; only the last one gives a token.
           Case{9, 32, {{70, 2}}, "a32 | a32 | a6 | a1"},
           // Those that decode come before the rest of a prompt that began after them.
           Case{9, 32, {{20, 3}, {50, 1}}, "a20 b12 | a1 b31 | a1 b7"},
           // A prompt goes on before others begin.
           Case{9, 32, {{40, 1}, {30, 1}}, "a32 | a8 b24 | b6"},
           // No places left: the others wait, first come first served.
           Case{2, 100, {{9, 2}, {9, 1}, {9, 1}, {9, 1}}, "a9 b9 | a1 c9 | d9"},
           // No budget left for all that decode.
           Case{9, 2, {{1, 2}, {1, 2}, {1, 2}}, "a1 b1 | a1 b1 | c1 | c1"},
       }) {
    make(limits(each.seqs, each.budget, 100));
    tasks_.clear();
    for (const Wanted& wanted : each.wanted) {
      add(wanted);
    }
    EXPECT_EQ(run(), each.steps);
    EXPECT_EQ(scheduler_->cache().free(), 100U);
  }
}

TEST_F(SchedulerTest, AdmitsBySmallestPriority) {
  for (const auto& [policy, steps] : {std::pair{Policy::kFcfs, "a9 | b9 | c9 | d9"},
                                      std::pair{Policy::kPriority, "c9 | b9 | d9 | a9"}}) {
    make(limits(1, 100, 100), policy);
    tasks_.clear();
    for (const int priority : {5, 0, -1, 0}) {
      add({9, 1, priority});
    }
    EXPECT_EQ(run(), steps);
  }
}

TEST_F(SchedulerTest, AllocatesBlocksAsTokensAreComputed) {
  make(limits(9, 32, 10));
  Task& task = add({40, 10});
  struct Case {
    std::string step;
    std::size_t blocks;
  };
  for (const Case& each : {Case{"a32", 2}, Case{"a8", 3}, Case{"a1", 3}, Case{"a1", 3}}) {
    EXPECT_EQ(decide(), each.step);
    EXPECT_EQ(task.holding.blocks.size(), each.blocks);
    finish();
  }
  for (int i = 0; i < 7; ++i) {
    decide();
    finish();
  }
  // 40 tokens of the prompt and nine of the answer: nobody looks back to the tenth.
  EXPECT_EQ(decide(), "");
  EXPECT_EQ(scheduler_->cache().free(), 10U);
}

TEST_F(SchedulerTest, AdmitsAPromptOnlyWhenAllOfItFits) {
  make(limits(9, 32, 6));
  add({48, 3});
  add({64, 1});  // needs four blocks; at most three are free
  add({16, 1});  // would fit, but waits its turn
  EXPECT_EQ(run(), "a32 | a16 | a1 | a1 | b32 | b32 | c16");
}

TEST_F(SchedulerTest, ComputesOnlyWhatIsNotThere) {
  struct Case {
    std::size_t prompt;
    std::size_t cached;
    std::string step;
  };
  for (const Case& each : {
           Case{48, 32, "b16"},  // All of it is there: the last block is computed nonetheless.
           Case{49, 48, "b1"},
           Case{40, 32, "b8"},
           Case{32, 16, "b16"},
           Case{15, 0, "b15"},
           Case{16, 0, "b16"},
           Case{100, 48, "b52"},
       }) {
    make(limits(9, 1000, 100));
    tasks_.clear();
    add({48, 1, 0, 500});
    run();
    Task& task = add({each.prompt, 1, 0, 500});
    EXPECT_EQ(decide(), each.step);
    EXPECT_EQ(task.cached, each.cached);
    finish();
    EXPECT_EQ(scheduler_->counts().queried_tokens, 48 + each.prompt);
    EXPECT_EQ(scheduler_->counts().hit_tokens, each.cached);
    EXPECT_EQ(scheduler_->cache().free(), 100U);
  }
}

TEST_F(SchedulerTest, FindsWhatTheSameStepComputes) {
  make(limits(9, 1000, 100));
  add({48, 1, 0, 500});
  add({48, 1, 0, 500});
  EXPECT_EQ(decide(), "a48 b16");
}

TEST_F(SchedulerTest, FindsTheAnswerOfAnEarlierRequest) {
  make(limits(9, 1000, 100));
  add({16, 18, 0, 500});
  run();
  // The answer was 18 times the token 7, of which the last one was never computed.
  std::vector<std::uint32_t> tokens(16);
  std::iota(tokens.begin(), tokens.end(), 500);
  tokens.insert(tokens.end(), 32, 7);
  Request request;
  request.prompt = prompt_of(tokens, 0);
  Task& task = tasks_.emplace_back(RequestId(1), std::move(request), TimePoint());
  scheduler_->add(task);
  EXPECT_EQ(decide(), "b16");
  EXPECT_EQ(task.cached, 32U);
}

// Three blocks. Both prompts fit one; with its 17th token each needs another.
TEST_F(SchedulerTest, PreemptsTheNewestWhenBlocksRunOut) {
  make(limits(9, 100, 3));
  add({15, 10});
  Task& second = add({15, 10});
  EXPECT_EQ(decide(), "a15 b15");
  finish();
  EXPECT_EQ(decide(), "a1 b1");
  finish();
  EXPECT_EQ(decide(), "a1");  // It takes the last block, and the second has to go.
  EXPECT_EQ(second.preemptions, 1U);
  EXPECT_EQ(second.holding.blocks.size(), 0U);
  EXPECT_EQ(scheduler_->counts().preemptions, 1U);
  EXPECT_EQ(scheduler_->waiting(), 1U);
  finish();
  // It needs two blocks for its prompt and two tokens, and one is free.
  EXPECT_EQ(decide(), "a1");
  finish();
  while (tasks_[0].generated < 10) {
    decide();
    finish();
  }
  // Its first block was full and was not overwritten.
  EXPECT_EQ(decide(), "b1");
  EXPECT_EQ(second.known, 17U);
  EXPECT_EQ(second.cached, 0U);  // as it was when it was first admitted
  finish();
  run();
  EXPECT_EQ(second.generated, 10U);
  EXPECT_EQ(scheduler_->cache().free(), 3U);
}

TEST_F(SchedulerTest, LetsAPreemptedOneGoBeforeAllThatWait) {
  make(limits(2, 100, 3));
  add({15, 4});
  add({15, 4});
  add({1, 1});
  EXPECT_EQ(run(), "a15 b15 | a1 b1 | a1 | a1 | b1 c1 | b1");
}

TEST_F(SchedulerTest, PreemptsTheLowestPriorityAndTakesItsTokensBack) {
  make(limits(9, 100, 2), Policy::kPriority);
  add({8, 4, 0});
  EXPECT_EQ(decide(), "a8");
  finish();
  add({15, 4, -1});
  EXPECT_EQ(decide(), "a1 b15");
  finish();
  EXPECT_EQ(decide(), "a1 b1");
  finish();
  // The second needs another block; the first, which has its token of this step already, has to go.
  EXPECT_EQ(decide(), "b1");
  EXPECT_EQ(tasks_[0].preemptions, 1U);
  EXPECT_EQ(step_.work.decodes, 1U);
  finish();
  EXPECT_EQ(run(), "b1 | a11");
}

TEST_F(SchedulerTest, ForgetsARemovedTask) {
  make(limits(1, 100, 10));
  Task& running = add({20, 5});
  Task& waiting = add({20, 5});
  add({3, 1});
  EXPECT_EQ(decide(), "a20");
  scheduler_->remove(running);
  scheduler_->remove(waiting);
  EXPECT_EQ(scheduler_->cache().free(), 10U);
  EXPECT_EQ(decide(), "c3");
}

}  // namespace
}  // namespace olla::sim::engine
