#pragma once

#include <cstddef>
#include <optional>

#include "http/head.h"
#include "proxy/chooser.h"
#include "proxy/refusals.h"
#include "proxy/request.h"
#include "proxy/services.h"

namespace olla::proxy {

/// The 413 for a message whose head announces a larger body than a message may have; nullopt: its
/// body may be read, or it is no message.
[[nodiscard]] std::optional<OwnAnswer> refuse_large_message(const config::Config& config,
                                                            const http::RequestHead& head);

/// The answer to a request below /olla/anthropic/ that goes to no endpoint, because it asks for the
/// list of models, or for what there is not, or with too large a body. nullopt: it is one for the
/// Messages API.
[[nodiscard]] std::optional<OwnAnswer> answer_messages_route(const Services& services,
                                                             const http::RequestHead& head,
                                                             const Destination& destination,
                                                             std::size_t body_bytes);

/// Why a request for the Messages API is not sent to any endpoint; nullopt: it is.
[[nodiscard]] std::optional<Refused> refuse_message(const ProxiedRequest& request);

/// The answer to one that no endpoint can take, since none speaks that API, or none that does has
/// its model. nullopt: for another reason.
[[nodiscard]] std::optional<Refused> explain_no_messages(const ProxiedRequest& request,
                                                         routing::NoPick reason);

}  // namespace olla::proxy
