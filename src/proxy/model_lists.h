#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "fleet/snapshot.h"
#include "proxy/services.h"
#include "routing/provider.h"
#include "vllm/models_document.h"

namespace olla::proxy {

/// The models that those of `endpoints` list which can take requests, each once, and the aliases of
/// what they have: each of them as the first of its targets that an endpoint has, unless a model is
/// called so.
[[nodiscard]] std::vector<vllm::FleetModel> models_of(
    const fleet::Snapshot& snapshot, std::span<const fleet::EndpointView* const> endpoints,
    std::span<const config::ModelAlias> aliases);

/// The list that the provider's servers have in a format of their own.
[[nodiscard]] std::string native_list(Services& services, const fleet::Snapshot& snapshot,
                                      routing::Provider provider);

/// Makes an answer on the background thread, where it may take its time. `make` must own what it
/// uses, or use what outlives the services.
net::Awaitable<OwnAnswer> answer_in_background(Services& services, std::function<OwnAnswer()> make);

}  // namespace olla::proxy
