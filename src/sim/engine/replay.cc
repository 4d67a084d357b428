#include "sim/engine/replay.h"

#include <utility>

#include "base/check.h"

namespace olla::sim::engine {
namespace {

class Replay {
 public:
  Replay(std::shared_ptr<const Profile> profile, Policy policy, std::vector<ReplayRow> rows)
      : core_(std::move(profile), policy), rows_(std::move(rows)), results_(rows_.size()) {}

  ReplayOutcome run() {
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      const TimePoint now = TimePoint() + rows_[row].send;
      take(now);
      // Requests are numbered as they are submitted, from 0 on.
      const RequestId id = core_.submit(std::move(rows_[row].request), now);
      OLLA_CHECK(id.value() == row);
    }
    while (const auto next = core_.next_time()) {
      take(*next);
    }
    return {std::move(results_), end_, core_.stats()};
  }

 private:
  void take(TimePoint now) {
    while (const auto output = core_.next(now)) {
      const std::size_t row = output->request.value();
      ReplayResult& result = results_[row];
      const Duration since = output->time - TimePoint() - rows_[row].send;
      if (result.tokens++ == 0) result.ttft = since;
      result.e2e = since;
      result.cached_tokens = output->cached_tokens;
      end_ = output->time - TimePoint();
    }
  }

  Core core_;
  std::vector<ReplayRow> rows_;
  std::vector<ReplayResult> results_;
  Duration end_{};
};

}  // namespace

ReplayOutcome replay(std::shared_ptr<const Profile> profile, Policy policy,
                     std::vector<ReplayRow> rows) {
  return Replay(std::move(profile), policy, std::move(rows)).run();
}

}  // namespace olla::sim::engine
