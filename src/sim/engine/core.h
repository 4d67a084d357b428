#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "sim/engine/front_end.h"
#include "sim/engine/pace.h"
#include "sim/engine/profile.h"
#include "sim/engine/scheduler.h"
#include "sim/engine/stats.h"
#include "sim/engine/task.h"

namespace olla::sim::engine {

/// One vLLM engine with its API server, as far as they shape time: requests go in, tokens come out
/// when a real one of this profile would give them.
///
/// Two steps are under way at once, as in vLLM: while the GPU runs one, the CPU decides on the next
/// and launches it; the tokens of a step go out once the one after it is launched.
/// Not thread-safe.
class Core : public Pace {
 public:
  /// `profile`: not nullptr.
  Core(std::shared_ptr<const Profile> profile, Policy policy);

  /// Prompt and `tokens_max` together must fit the KV cache.
  RequestId submit(Request request, TimePoint now) override;
  [[nodiscard]] std::optional<TimePoint> next_time() const override;
  std::optional<Output> next(TimePoint now) override;
  void advance(TimePoint now) override;
  void stop(RequestId id, TimePoint now) override;
  void abort(RequestId id, TimePoint now) override;
  bool reset_prefixes(TimePoint now) override;
  [[nodiscard]] const Stats& stats() const override { return stats_; }

 private:
  enum class Phase : std::uint8_t {
    kReady,      // the CPU has nothing to do before it decides on the next step
    kLaunching,  // it hands a step with prompts to the GPU
    kAwaiting,   // it waits for the older one of two steps, or for the only one
  };
  struct Flight {
    Step step;
    TimePoint end;  // of its work on the GPU
  };

  [[nodiscard]] std::optional<TimePoint> next_action() const;
  void act();
  void begin_step();
  void launched(TimePoint at);
  void collect();
  void give(const Share& share);
  [[nodiscard]] bool accepts(const Share& share) const;
  void end(Task& task);
  void drop(Task& task);
  void forget_if_done(Task& task);
  void update_gauges();

  std::shared_ptr<const Profile> profile_;
  Scheduler scheduler_;
  FrontEnd front_end_;
  Stats stats_;
  std::unordered_map<RequestId, std::unique_ptr<Task>> tasks_;
  std::uint64_t next_id_ = 0;
  std::uint32_t unknown_token_ = 0;  // the next of the tokens that nobody knows

  Phase phase_ = Phase::kReady;
  TimePoint cpu_;               // The CPU is free from then on.
  TimePoint gpu_;               // The GPU is.
  TimePoint decided_;           // When the step that is being launched was decided on ...
  TimePoint launch_end_;        // ... and when its launch ends, if nothing disturbs it.
  std::deque<Flight> flights_;  // at most two
  std::vector<Step> spare_;     // to reuse their memory
};

}  // namespace olla::sim::engine
