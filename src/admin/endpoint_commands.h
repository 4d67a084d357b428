#pragma once

#include "proxy/services.h"

namespace olla::admin {

/// Answers POST /internal/endpoints/NAME/drain and .../undrain, whose NAME may be escaped: a
/// drained endpoint finishes what it has and gets no new requests, whatever its health, until it is
/// undrained or the gateway ends. The answer comes when no thread sends it requests any more, and
/// is the same when it was in that state already. 404 for another name or command.
///
/// `request` must outlive the awaitable.
net::Awaitable<proxy::OwnAnswer> answer_endpoint_command(proxy::Services& services,
                                                         const proxy::InternalRequest& request);

}  // namespace olla::admin
