#pragma once

#include <cstddef>
#include <string_view>

#include "sim/answer.h"
#include "sim/models.h"
#include "sim/ranks.h"

namespace olla::sim {

/// The routes with which vLLM's owner changes a server, and which exist only in its development
/// mode: sleep, pause, abort, LoRA adapters at run time.
///
/// `ranks` and `models` are those of the server and must outlive this.
class Administration {
 public:
  Administration(Ranks& ranks, Models& models) : ranks_(ranks), models_(models) {}

  /// The answer of one of the routes; `path` is decoded, the request's target may have a query.
  Answer handle(std::string_view path, const ApiRequest& request, TimePoint now);

  /// 0: awake; 1: the weights are kept in memory; 2: they are gone.
  [[nodiscard]] int sleep_level() const { return sleep_level_; }

 private:
  Answer fall_asleep(const ApiRequest& request);
  Answer pause(const ApiRequest& request, TimePoint now);
  Answer abort(const ApiRequest& request, TimePoint now);
  Answer load_adapter(const ApiRequest& request);
  Answer unload_adapter(const ApiRequest& request);
  /// Requests wait while the server sleeps or is paused.
  void hold_or_release(TimePoint now);

  Ranks& ranks_;
  Models& models_;
  int sleep_level_ = 0;
  bool paused_ = false;
};

}  // namespace olla::sim
