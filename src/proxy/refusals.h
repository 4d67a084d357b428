#pragma once

#include <string_view>

#include "proxy/request.h"
#include "proxy/services.h"
#include "routing/pick.h"

namespace olla::proxy {

/// An answer of the gateway's own in place of an endpoint's, and what the access line says of it.
struct Refused {
  OwnAnswer answer;
  std::string_view log;  ///< A literal.
};

/// Why a request gets no endpoint, as its client is told.
[[nodiscard]] Refused no_endpoint_answer(const ProxiedRequest& request, routing::NoPick reason);

/// An error in the shape of the request's route; see make_error().
[[nodiscard]] OwnAnswer error_answer(const ProxiedRequest& request, int status,
                                     std::string_view code, std::string_view message);

}  // namespace olla::proxy
