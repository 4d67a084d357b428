#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "config/profile.h"
#include "models/entry.h"

namespace olla::models {

/// Entries of one list; those behind them are left out.
inline constexpr std::size_t kEntriesMax = 20'000;
/// Bytes of one entry; a larger one is left out. With its permissions one has 400.
inline constexpr std::size_t kEntryBytesMax = 64 * 1024;
/// Bytes of an id; an entry with a longer one is left out. Real ones have under 200.
inline constexpr std::size_t kIdBytesMax = 1024;

/// The entries of an answer in which a server lists its models, in its order, each id once.
///
/// Members that are not known, or not of the type that they should be, are passed over, and so is
/// an entry without an id. A document without a list has no models. nullopt when it is no such
/// document: not JSON, no object, an error, or something else in the place of the list.
[[nodiscard]] std::optional<std::vector<ModelEntry>> parse_list(config::ModelListFormat format,
                                                                std::string_view json);

}  // namespace olla::models
