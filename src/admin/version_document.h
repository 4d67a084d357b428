#pragma once

#include "admin/conditional.h"

namespace olla::admin {

/// What this program is and can do, with the keys of Olla's document.
Json version_document();

}  // namespace olla::admin
