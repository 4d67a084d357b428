#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>

#include "base/random.h"

namespace olla::sim {

/// Why no document can be written for a schema.
struct SchemaFault {
  std::string reason;
};

/// A small JSON document that a JSON schema takes, in compact form.
///
/// Knows type (also a list of types), properties, required, additionalProperties as far as required
/// names need it, items, prefixItems, minItems, enum, const, anyOf, oneOf, allOf, $ref within the
/// schema, minimum and maximum and their exclusive forms, multipleOf of integers, minLength,
/// maxLength, pattern, and the formats date, time, date-time, email, uri and uuid. Other words
/// are ignored, and so may be broken.
std::variant<std::string, SchemaFault> json_sample(const nlohmann::json& schema, Random& random);

}  // namespace olla::sim
