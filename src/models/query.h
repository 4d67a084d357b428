#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "models/catalogue.h"
#include "models/documents.h"

namespace olla::models {

/// What a client asks of the list of all models.
struct Query {
  Shape shape = Shape::kUnified;
  std::optional<std::string> endpoint = {};    ///< Its name or its URL; known to be one of them.
  std::optional<std::string> family = {};      ///< In any case.
  std::optional<std::string> type = {};        ///< As to_string(Kind) has it.
  std::optional<std::string> capability = {};  ///< With '-' between words, in lower case.
  std::optional<bool> available = {};          ///< Whether it is loaded somewhere.
  bool include_unavailable = false;            ///< Also those that no endpoint can serve now.
};

/// One parameter of a query, decoded; nullopt when it is missing.
using Parameter = std::function<std::optional<std::string>(std::string_view name)>;

/// Errors: kMalformed, with a detail that names what is allowed and is fit for clients.
[[nodiscard]] Result<Query> parse_query(const Parameter& parameter);

/// The models that the query asks for, in the catalogue's order. They stay valid with it.
[[nodiscard]] std::vector<const Model*> select(const Catalogue& catalogue, const Query& query);

}  // namespace olla::models
