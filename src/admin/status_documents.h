#pragma once

#include "admin/conditional.h"
#include "admin/picture.h"

namespace olla::admin {

/// GET /internal/status: the system and its endpoints, with the keys of Olla's document.
Json status_document(const Picture& picture);

/// GET /internal/status/endpoints: the endpoints, with the keys of Olla's document.
Json endpoints_document(const Picture& picture);

}  // namespace olla::admin
