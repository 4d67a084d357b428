#pragma once

#include "admin/conditional.h"
#include "config/config.h"
#include "routing/sticky_sessions.h"

namespace olla::admin {

/// GET /internal/stats/sticky: how many sessions there are, and what became of their requests. Has
/// `repins` in addition to Olla's members.
[[nodiscard]] Json sticky_document(const config::StickySessions& rules,
                                   const routing::StickySessions::Report& report);

}  // namespace olla::admin
