#pragma once

#include "admin/conditional.h"
#include "admin/picture.h"

namespace olla::admin {

/// GET /internal/stats/models: what was asked of each model, most requested first, and of each of
/// them on each endpoint.
Json model_stats_document(const Picture& picture);

/// GET /internal/stats/translators: the one translator is the route of the Messages API, which
/// passes requests through and translates none.
Json translator_stats_document(const Picture& picture);

}  // namespace olla::admin
