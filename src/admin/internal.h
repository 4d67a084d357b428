#pragma once

#include <optional>

#include "proxy/services.h"

namespace olla::admin {

/// Answers the gateway's own paths: /version and the documents under /internal/. A method that a
/// path does not take is a 405. nullopt: not a path of this folder. A proxy::Internal.
net::Awaitable<std::optional<proxy::OwnAnswer>> answer_internal(proxy::Services& services,
                                                                proxy::InternalRequest request);

}  // namespace olla::admin
