#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "fleet/snapshot.h"

namespace olla::proxy {

/// The expositions of the fleet, each made at most every kFresh however many ask for it: that of a
/// thousand endpoints takes a third of a second.
///
/// Belongs to the background thread.
class MetricsPages {
 public:
  static constexpr std::chrono::milliseconds kFresh{500};

  /// The exposition of the vLLM endpoints in `snapshot`, or of the one called `endpoint` when that
  /// is not empty; compressed with gzip when `zipped`.
  std::shared_ptr<const std::string> page(const fleet::Snapshot& snapshot,
                                          const std::string& endpoint, bool zipped, TimePoint now);

 private:
  struct Page {
    TimePoint made;
    std::shared_ptr<const std::string> text;
  };

  std::map<std::pair<std::string, bool>, Page> pages_;
};

}  // namespace olla::proxy
