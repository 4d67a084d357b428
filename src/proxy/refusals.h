#pragma once

#include <string_view>

#include "proxy/place.h"
#include "proxy/request.h"
#include "proxy/services.h"

namespace olla::proxy {

/// An answer of the gateway's own in place of an endpoint's, and what the access line says of it.
struct Refused {
  OwnAnswer answer;
  std::string_view log;  ///< A literal.
};

/// Why a request gets no endpoint, as its client is told. `place` has no view, and its client did
/// not leave.
[[nodiscard]] Refused no_place_answer(const ProxiedRequest& request, const Place& place);

/// An error in the shape of the request's route; see make_error().
[[nodiscard]] OwnAnswer error_answer(const ProxiedRequest& request, int status,
                                     std::string_view code, std::string_view message);

}  // namespace olla::proxy
