#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "models/entry.h"
#include "models/name.h"

namespace olla::models {

/// An endpoint and the models that it listed last.
struct Source {
  std::string endpoint;
  std::string url = {};                         ///< As configured.
  std::string type = {};                        ///< Canonical name of its profile.
  bool ready = false;                           ///< Whether requests may go there.
  std::shared_ptr<const void> owner = nullptr;  ///< Keeps `entries` alive.
  std::span<const ModelEntry> entries = {};
  std::optional<TimePoint> read_at = std::nullopt;  ///< When it listed them.
};

/// A model at one endpoint.
struct Offer {
  std::size_t source = 0;             ///< In Catalogue::sources.
  const ModelEntry* entry = nullptr;  ///< Owned by that source.
};

/// One model of all endpoints together.
struct Model {
  std::string id;  ///< As the first endpoint that has it spells it.
  /// All names that clients may ask for it by, its id first: other spellings, names of the same
  /// file, configured aliases.
  std::vector<std::string> aliases;
  bool is_alias = false;      ///< It is a configured alias, and its offers are of other names.
  std::vector<Offer> offers;  ///< One for each endpoint and name, in the endpoints' order.
  std::int64_t created = 0;   ///< When the gateway first saw it, Unix time in seconds.
  Kind kind = Kind::kText;
  NameParts parts;  ///< What servers told, where they did, else what the name says.
  std::optional<std::int64_t> parameters;  ///< Their number.
  std::optional<std::int64_t> context;     ///< The smallest of all, in tokens.
  std::vector<std::string> capabilities;
};

/// How the models of endpoints are put together.
struct Rules {
  /// Whether different names of one file (equal digests) are one model.
  bool unify = true;
  std::span<const config::ModelAlias> aliases = {};
};

struct Catalogue {
  std::vector<Source> sources;
  /// The earliest seen first, those of one second by id, aliases last: the order does not change
  /// when an endpoint comes or goes.
  std::vector<Model> models;
};

/// Puts the models of `sources` together: names that differ in the case of letters alone are one
/// model, and a configured alias is one more with the offers of what it stands for: of each
/// endpoint the first of its targets that it has. One whose name is that of a model is no other
/// model. Takes n log n for n entries.
[[nodiscard]] Catalogue make_catalogue(std::vector<Source> sources, const FirstSeen& first_seen,
                                       const Rules& rules);

/// The model of this id, or else of this alias, whatever the case of its letters; nullptr when
/// there is none.
[[nodiscard]] const Model* find_model(const Catalogue& catalogue, std::string_view name);

/// Whether requests for the model may go somewhere now.
[[nodiscard]] bool is_available(const Catalogue& catalogue, const Model& model);

/// "offline" when its endpoint takes no requests, what the server told, "loaded" for servers that
/// list what they have in memory, "available" for those that load it when it is asked for, else
/// "unknown".
[[nodiscard]] std::string_view state_of(const Source& source, const ModelEntry& entry);

}  // namespace olla::models
