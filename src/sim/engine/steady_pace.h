#pragma once

#include <deque>
#include <functional>
#include <queue>
#include <unordered_map>
#include <vector>

#include "sim/engine/pace.h"

namespace olla::sim::engine {

/// Tokens at fixed intervals, however many requests run: for tests that need to know the time of
/// each token, and for load that costs next to nothing.
class SteadyPace : public Pace {
 public:
  struct Rules {
    Duration ttft{};                 ///< From the start of a request to its first token.
    Duration itl{};                  ///< Between two tokens of a request.
    std::size_t max_num_seqs = 256;  ///< Requests that run at once; the others wait in turn.
    std::size_t num_gpu_blocks = 1;  ///< For the usage alone; nothing is refused for it.
  };
  explicit SteadyPace(const Rules& rules);

  RequestId submit(Request request, TimePoint now) override;
  [[nodiscard]] std::optional<TimePoint> next_time() const override;
  std::optional<Output> next(TimePoint now) override;
  void advance(TimePoint now) override { (void)now; }
  void stop(RequestId id, TimePoint now) override;
  void abort(RequestId id, TimePoint now) override;
  bool reset_prefixes(TimePoint now) override;
  [[nodiscard]] const Stats& stats() const override { return stats_; }

 private:
  /// A request that ended leaves its entry behind; it is skipped when it comes up.
  struct Due {
    TimePoint time;
    RequestId id;
    friend auto operator<=>(const Due&, const Due&) = default;
  };
  using Tasks = std::unordered_map<RequestId, Task>;

  void start(Task& task, TimePoint now);
  void start_waiting(TimePoint now);
  void remove(Tasks::iterator at, TimePoint now);
  void use_tokens(std::size_t more, std::size_t fewer);

  Rules rules_;
  Stats stats_;
  Tasks tasks_;
  std::deque<RequestId> queue_;  // waiting, first come first served; may hold aborted ones
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::size_t running_tokens_ = 0;
  std::uint64_t next_id_ = 0;
};

}  // namespace olla::sim::engine
