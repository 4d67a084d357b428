#pragma once

#include <string_view>

#include "fleet/snapshot.h"
#include "log/access.h"
#include "metrics/request_record.h"

namespace olla::proxy {

/// The name under which the request is counted on the endpoint: as the endpoint lists it,
/// metrics::kUnknownModel for a model that it does not list, empty when the request named none.
/// Points into the entry, the view or a literal.
[[nodiscard]] std::string_view counted_model(const log::AccessEntry& entry,
                                             const fleet::EndpointView& view);

/// What there is to count of a request that has ended. Points into both arguments.
[[nodiscard]] metrics::RequestRecord record_of(const log::AccessEntry& entry,
                                               const fleet::Snapshot& snapshot);

}  // namespace olla::proxy
