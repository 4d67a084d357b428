#pragma once

#include <deque>
#include <mutex>

#include "metrics/recorder.h"
#include "metrics/totals.h"

namespace olla::metrics {

/// Holds the recorders of all threads. Any thread may call it.
class Registry {
 public:
  /// A recorder for one thread. It lives as long as the registry, so that nothing that was counted
  /// is lost.
  Recorder& add_recorder() {
    const std::lock_guard lock(mutex_);
    return recorders_.emplace_back();
  }

  /// What all recorders hold. Takes time in proportion to their cells: not for the request path.
  [[nodiscard]] Totals totals() const {
    const std::lock_guard lock(mutex_);
    Adder adder;
    for (const Recorder& recorder : recorders_)
      adder.add(recorder);
    return adder.totals();
  }

 private:
  mutable std::mutex mutex_;  // Of the list; the recorders need none.
  std::deque<Recorder> recorders_;
};

}  // namespace olla::metrics
