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
/// Knows type (of a list the first), properties, required, minProperties, additionalProperties as
/// far as members need it, items, prefixItems, minItems, uniqueItems, enum, const, anyOf, oneOf
/// (taken as anyOf), allOf, $ref within the schema, minimum and maximum and their exclusive forms,
/// multipleOf, minLength, maxLength, pattern, and the formats date, time, date-time, email, uri and
/// uuid. Other words are ignored, and so may be broken.
std::variant<std::string, SchemaFault> json_sample(const nlohmann::json& schema, Random& random);

}  // namespace olla::sim
