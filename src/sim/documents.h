#pragma once

#include "sim/answer.h"
#include "sim/routes.h"

namespace olla::sim {

/// /openapi.json: the routes of such a server, without what they take and give.
Answer openapi_answer(Service service, const RouteRules& rules);

/// /docs and /redoc: pages that show it.
Answer documents_page(std::string_view path);

}  // namespace olla::sim
