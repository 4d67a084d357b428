#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/section.h"

namespace olla::config {

inline constexpr std::size_t kModelAliasesMax = 1024;
/// Bytes of a model's name in the file.
inline constexpr std::size_t kModelNameMax = 512;

/// Reads `discovery.model_discovery`.
void read_model_discovery(const Section& section, ModelDiscovery& discovery);

/// Reads `model_registry`.
void read_model_registry(const Section& section, ModelRegistry& registry);

/// Reads `model_aliases` of the root. Reports names that are the same but for the case of letters,
/// and aliases without a model.
std::vector<ModelAlias> read_model_aliases(const Section& root, Problems& problems);

/// Reads an endpoint's `model_filter` and reports patterns that are none.
void read_model_filter(const Section& section, ModelFilter& filter);

/// Reads `translators.anthropic`.
void read_anthropic(const Section& section, Anthropic& anthropic);

}  // namespace olla::config
