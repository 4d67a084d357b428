#pragma once

#include "proxy/services.h"

namespace olla::admin {

/// GET /olla/models: the models of all endpoints, in the format and of the kind that is asked for.
/// For these all: both arguments must outlive the awaitable.
net::Awaitable<proxy::OwnAnswer> list_all_models(proxy::Services& services,
                                                 const proxy::InternalRequest& request);

/// GET /olla/models/{id}: one of them, by its id or one of its aliases; '/' in it may be written
/// %2F.
net::Awaitable<proxy::OwnAnswer> show_model(proxy::Services& services,
                                            const proxy::InternalRequest& request);

/// GET /internal/status/models.
net::Awaitable<proxy::OwnAnswer> show_models_status(proxy::Services& services,
                                                    const proxy::InternalRequest& request);

/// POST /internal/discovery/refresh: has all model lists read anew, and answers when that is done.
net::Awaitable<proxy::OwnAnswer> refresh_discovery(proxy::Services& services,
                                                   const proxy::InternalRequest& request);

}  // namespace olla::admin
