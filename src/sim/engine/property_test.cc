// Whatever comes, the books of the engine balance.
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <set>

#include "base/random.h"
#include "sim/engine/core.h"

namespace olla::sim::engine {
namespace {

/// Seeds of the runs; OLLA_TEST_SEED repeats one.
std::vector<std::uint64_t> seeds(std::uint64_t count) {
  if (const char* one = std::getenv("OLLA_TEST_SEED")) return {std::strtoull(one, nullptr, 10)};
  std::vector<std::uint64_t> out;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    out.push_back(seed);
  }
  return out;
}

Profile random_profile(Random& random) {
  Profile out;
  out.decode_step = {1000, static_cast<double>(random.below(100)), 0.1};
  out.prompt_step = {3000, 10, 0.001, 0.1};
  out.launch.schedule = 100;
  out.launch.decode = static_cast<double>(random.below(2000));
  out.launch.small_prompt = out.launch.large_prompt = static_cast<double>(random.below(9000));
  out.launch.per_arrival = static_cast<double>(random.below(2) * 500);
  out.front_end = {static_cast<double>(random.below(3000)), 1, 200, 1,
                   static_cast<double>(random.below(300))};
  out.limits.max_num_seqs = 1 + random.below(12);
  out.limits.max_num_batched_tokens = 1 + random.below(200);
  out.limits.num_gpu_blocks = 12 + random.below(40);
  out.limits.enable_prefix_caching = random.below(5) > 0;
  return out;
}

/// One of few beginnings, so that prefixes are shared. At most 12 blocks with its answer.
Request random_request(Random& random) {
  std::vector<std::uint32_t> tokens(1 + random.below(128));
  const auto beginning = static_cast<std::uint32_t>(random.below(3));
  const std::size_t own = random.below(tokens.size() + 1);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = i < own ? beginning : static_cast<std::uint32_t>(random.below(9));
  }
  Request request;
  request.prompt = prompt_of(tokens, 0);
  request.tokens_max = 1 + random.below(60);
  request.priority = static_cast<std::int64_t>(random.below(3));
  return request;
}

/// Steps with up to two under way, tasks that leave at any moment.
class RandomSchedule {
 public:
  RandomSchedule(std::uint64_t seed, Policy policy)
      : random_(seed), limits_(random_profile(random_).limits), scheduler_(limits_, policy) {}

  void run() {
    for (int i = 0; i < 400; ++i) {
      turn();
      check_blocks();
    }
    while (!scheduler_.idle() || !flights_.empty()) {
      schedule();
      finish();
      check_blocks();
    }
    EXPECT_EQ(scheduler_.cache().free(), limits_.num_gpu_blocks);
  }

 private:
  void turn() {
    switch (random_.below(6)) {
      case 0:
      case 1: {
        const RequestId id(next_++);
        auto task = std::make_unique<Task>(id, random_request(random_), TimePoint());
        task->order = id.value();
        scheduler_.add(*task);
        tasks_.emplace(id, std::move(task));
        break;
      }
      case 2:
        if (!tasks_.empty()) {
          auto at = tasks_.begin();
          std::advance(at, static_cast<std::ptrdiff_t>(random_.below(tasks_.size())));
          if (!at->second->ended && random_.below(4) == 0) end(*at->second);
        }
        break;
      case 3:
        finish();
        break;
      default:
        schedule();
        break;
    }
  }

  void schedule() {
    if (flights_.size() == 2) return;
    Step step;
    scheduler_.schedule(step, TimePoint());
    std::size_t tokens = 0;
    std::set<const Task*> seen;
    for (const Share& share : step.shares) {
      EXPECT_GT(share.tokens, 0U);
      EXPECT_TRUE(seen.insert(share.task).second);
      EXPECT_TRUE(share.task->running);
      tokens += share.tokens;
    }
    EXPECT_LE(tokens, limits_.max_num_batched_tokens);
    EXPECT_EQ(tokens, step.work.tokens());
    EXPECT_LE(scheduler_.running(), limits_.max_num_seqs);
    if (!step.shares.empty()) flights_.push_back(std::move(step));
  }

  void finish() {
    if (flights_.empty()) return;
    for (const Share& share : flights_.front().shares) {
      Task& task = *share.task;
      --task.steps;
      if (!share.samples || task.ended || share.preemptions != task.preemptions) continue;
      --task.pending;
      task.append(static_cast<std::uint32_t>(random_.below(9)));
      EXPECT_LE(task.generated, task.request.tokens_max);
      if (task.generated == task.request.tokens_max) end(task);
    }
    flights_.pop_front();
  }

  void end(Task& task) {
    task.ended = true;
    scheduler_.remove(task);
    EXPECT_TRUE(task.holding.blocks.empty());
  }

  /// Each block is free or held, and never both.
  void check_blocks() {
    std::set<BlockId> held;
    for (const auto& [id, task] : tasks_) {
      held.insert(task->holding.blocks.begin(), task->holding.blocks.end());
      if (!task->running) {
        EXPECT_TRUE(task->holding.blocks.empty());
      } else {
        EXPECT_GE(task->holding.blocks.size(), blocks_for(task->computed));
      }
    }
    EXPECT_EQ(held.size() + scheduler_.cache().free(), limits_.num_gpu_blocks);
  }

  Random random_;
  Profile::Limits limits_;
  Scheduler scheduler_;
  std::map<RequestId, std::unique_ptr<Task>> tasks_;
  std::deque<Step> flights_;
  std::uint64_t next_ = 0;
};

TEST(SchedulerPropertyTest, NeverLosesABlockNorGoesOverTheBudget) {
  for (const std::uint64_t seed : seeds(60)) {
    SCOPED_TRACE("OLLA_TEST_SEED=" + std::to_string(seed));
    RandomSchedule(seed, seed % 2 == 0 ? Policy::kFcfs : Policy::kPriority).run();
    if (testing::Test::HasFailure()) return;
  }
}

TEST(CorePropertyTest, EndsEachRequestOnceWithAllItsTokens) {
  for (const std::uint64_t seed : seeds(60)) {
    SCOPED_TRACE("OLLA_TEST_SEED=" + std::to_string(seed));
    Random random(seed);
    const auto profile = std::make_shared<const Profile>(random_profile(random));
    Core core(profile, seed % 2 == 0 ? Policy::kFcfs : Policy::kPriority);
    struct Seen {
      std::size_t wanted = 0;
      std::size_t tokens = 0;
      bool ended = false;
      bool aborted = false;
    };
    std::map<RequestId, Seen> all;
    TimePoint now;
    TimePoint latest;
    const auto take = [&] {
      while (const auto output = core.next(now)) {
        Seen& seen = all.at(output->request);
        EXPECT_FALSE(seen.ended || seen.aborted);
        EXPECT_LE(output->time, now);
        EXPECT_GE(output->time, latest);
        latest = output->time;
        ++seen.tokens;
        seen.ended = output->finish.has_value();
      }
    };
    for (int i = 0; i < 200; ++i) {
      now += std::chrono::microseconds(random.below(20'000));
      take();
      Request request = random_request(random);
      const std::size_t wanted = request.tokens_max;
      all[core.submit(std::move(request), now)].wanted = wanted;
      if (random.below(4) == 0) {
        const RequestId victim(random.below(all.size()));
        if (!all[victim].ended) all[victim].aborted = true;
        core.abort(victim, now);
      }
    }
    while (const auto next = core.next_time()) {
      ASSERT_GE(*next, now - std::chrono::hours(1));
      now = std::max(now, *next);
      take();
    }
    std::size_t aborted = 0;
    for (const auto& [id, seen] : all) {
      EXPECT_NE(seen.ended, seen.aborted);
      if (seen.ended) {
        EXPECT_EQ(seen.tokens, seen.wanted);
      }
      aborted += seen.aborted ? 1 : 0;
    }
    EXPECT_EQ(core.stats().aborted, aborted);
    EXPECT_EQ(core.stats().finished[1], all.size() - aborted);
    EXPECT_EQ(core.stats().kv_usage, 0.0);
    EXPECT_EQ(core.stats().running + core.stats().waiting, 0U);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace olla::sim::engine
