#pragma once

#include <cstdint>

#include "fleet/snapshot.h"
#include "log/logger.h"
#include "net/types.h"
#include "proxy/asker.h"

namespace olla::proxy {

/// Finds out what kind of server an endpoint of type "auto" is, and tells the fleet.
///
/// Lives on the control thread, off the request path.
class Detector {
 public:
  enum class Result : std::uint8_t {
    kFound,   ///< The fleet knows its kind.
    kUntold,  ///< It answered, and no answer tells what it is.
    kSilent,  ///< It did not answer in time.
  };

  /// All arguments must outlive the detector and its awaitables.
  Detector(Asker& asker, fleet::Fleet& fleet, log::Logger& logger)
      : asker_(asker), fleet_(fleet), logger_(logger) {}

  /// Asks the endpoint, whose addresses are in `target`, until an answer tells its kind. When none
  /// does until `end` it stays what it was taken for.
  net::Awaitable<Result> detect(EndpointId id, Target target, TimePoint end);

 private:
  Asker& asker_;
  fleet::Fleet& fleet_;
  log::Logger& logger_;
};

}  // namespace olla::proxy
