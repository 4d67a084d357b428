#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/strong.h"
#include "net/types.h"

namespace olla::proxy {

struct Services;

/// What became of reading one endpoint's model list because it was asked for.
struct ListReading {
  enum class Outcome : std::uint8_t {
    kRead,
    kFailed,      ///< The list of before stays.
    kSkipped,     ///< The endpoint is not healthy.
    kUnfinished,  ///< It did not answer in time.
  };

  EndpointId endpoint{0};
  Outcome outcome = Outcome::kUnfinished;
  std::size_t models = 0;   ///< That the endpoint is known to have.
  std::string reason = {};  ///< Of a failure, fit for clients: "status 401".
};

/// "read", "failed", "skipped", "unfinished".
std::string_view to_string(ListReading::Outcome outcome);

/// Has the model lists of all healthy endpoints read anew and waits until that is done, or for the
/// time of one reading. The snapshot of `services` holds what was read then. In the order of the
/// fleet. `services` must outlive the awaitable.
net::Awaitable<std::vector<ListReading>> refresh_models(Services& services);

}  // namespace olla::proxy
