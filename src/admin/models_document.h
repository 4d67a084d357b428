#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "admin/format.h"
#include "models/catalogue.h"

namespace olla::admin {

/// What /internal/status/models says of the fleet's models. Unlike Olla's it names all of them, not
/// ten. Configured aliases are no models of their own here: those that they stand for name them.
/// `ids` are those of the catalogue's sources (endpoint_ids()); `grouped` adds the models by family
/// in full.
[[nodiscard]] nlohmann::ordered_json models_status(const models::Catalogue& catalogue,
                                                   const std::vector<std::string>& ids,
                                                   bool grouped, const Moment& now);

/// What /olla/models/{id} says of one.
[[nodiscard]] nlohmann::ordered_json model_details(const models::Catalogue& catalogue,
                                                   const models::Model& model, const Moment& now);

}  // namespace olla::admin
