#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <variant>

#include "base/random.h"
#include "sim/answer.h"
#include "sim/fields.h"
#include "sim/sampling.h"

namespace olla::sim {

/// What a request demands of the text of its answer.
struct Constraint {
  enum class Kind : std::uint8_t { kJson, kJsonObject, kRegex, kChoice, kGrammar };

  Kind kind = Kind::kJsonObject;
  std::shared_ptr<const nlohmann::json> value;  ///< The schema, the list or the text.
};

/// Reads `structured_outputs`, `response_format` and, for an old server, `guided_json` and its kin;
/// a new one does not look at those. nullopt: nothing is demanded. Validation failures go to
/// `fields`; what contradicts itself comes back as an answer.
std::variant<std::optional<Constraint>, Answer> read_constraint(Fields& fields, Kind kind);

/// A text that the constraint allows, or the 400 for one that this server cannot follow.
/// Whether it fails does not depend on `random`.
std::variant<std::string, Answer> constrained_text(const Constraint& constraint, Dialect dialect,
                                                   Random& random);

}  // namespace olla::sim
