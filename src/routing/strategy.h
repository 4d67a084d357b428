#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/config.h"
#include "routing/pick.h"

namespace olla::routing {

/// What a request did about the model lists before it was decided on.
enum class Lists : std::uint8_t {
  kAsKnown,    ///< Nothing.
  kRefreshed,  ///< They were read anew.
  kTimedOut,   ///< The same, but not all could be read in time.
};

/// How the model of a request was turned into an endpoint, or into none. Empty, without a strategy,
/// for a request that names no model. All words are literals, the same as Olla's.
struct Decision {
  std::string_view strategy = {};  ///< "strict", "optimistic", "discovery" or "alias".
  std::string_view decision = {};  ///< "routed", "fallback" or "rejected".
  std::string_view reason = {};    ///< A word. Of an alias that was routed: empty.
  int status = 0;                  ///< Of a rejected request: 404 or 503.
  std::uint32_t resolved = 0;      ///< Endpoints of an alias that was routed.
};

/// What a choice for a request that names a model means for the model lists.
enum class Renewal : std::uint8_t {
  kNone,    ///< Nothing: the model is listed.
  kBehind,  ///< They are to be read anew, while the request goes the way that was chosen.
  kBefore,  ///< They are to be read anew before the request goes that way.
};

/// `pick` was made before any fallback.
[[nodiscard]] Renewal renewal(const config::ModelRegistry& rules, const Pick& pick);

/// Whether a request for whose model there is no endpoint may go to any other.
[[nodiscard]] bool falls_back(const config::ModelRegistry& rules, NoPick reason, Lists lists);

/// The decision that the choice comes to. `pick` was made for a request that names a model;
/// `fell_back`: for want of an endpoint that has it, then for this reason.
[[nodiscard]] Decision decide(const config::ModelRegistry& rules, const Pick& pick, Lists lists,
                              std::optional<NoPick> fell_back);

/// Appends the X-Olla-Routing-* field lines. `model` is the name that the client used; one that may
/// not stand in a field is left out of the reason. Nothing without a strategy.
void append_fields(const Decision& decision, std::string_view model, std::string& out);

/// The alias of this name, whatever the case of its letters; nullptr: it is none.
[[nodiscard]] const config::ModelAlias* find_alias(std::span<const config::ModelAlias> aliases,
                                                   std::string_view name);

}  // namespace olla::routing
