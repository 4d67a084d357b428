#include "config/load_models.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "config/ascii.h"

namespace olla::config {
namespace {

/// What is wrong with the name of a model, or "".
std::string name_fault(std::string_view name) {
  if (name.empty()) return "must not be empty";
  if (name.size() > kModelNameMax) {
    return "is longer than " + std::to_string(kModelNameMax) + " bytes";
  }
  if (name.front() == ' ' || name.back() == ' ') return "must not begin or end with a space";
  const bool is_printable = std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' && c != 0x7f;
  });
  return is_printable ? "" : "holds a control character";
}

/// The models behind one alias.
std::vector<std::string> read_targets(const Entry& entry, const std::string& path,
                                      Problems& problems) {
  std::vector<std::string> models;
  if (entry.value->kind != Value::Kind::kSequence || entry.value->items.empty()) {
    problems.error(path, entry.line, "must be a list of one model at least, such as [llama3]");
    return models;
  }
  if (entry.value->items.size() > kModelAliasesMax) {
    problems.error(path, entry.line,
                   "has more than " + std::to_string(kModelAliasesMax) + " models");
    return models;
  }
  for (const ValuePtr& item : entry.value->items) {
    const std::string fault = item->kind == Value::Kind::kScalar
                                  ? name_fault(item->text)
                                  : std::string("must be a single text");
    if (!fault.empty()) problems.error(path, item->line, "a model's name " + fault);
    models.push_back(item->text);
  }
  return models;
}

/// Whether `pattern` has '*' at its start, its end or both and nowhere else.
bool is_pattern(std::string_view pattern) {
  if (pattern.starts_with('*')) pattern.remove_prefix(1);
  if (pattern.ends_with('*')) pattern.remove_suffix(1);
  return pattern.find('*') == std::string_view::npos;
}

void read_patterns(const Section& section, std::string_view key, std::vector<std::string>& out) {
  for (const Section::Item& item : section.texts(key).value_or(std::vector<Section::Item>())) {
    if (item.text == "**" || !is_pattern(item.text)) {
      section.error(key, item,
                    "must hold patterns with one * at the start, at the end or both; got " +
                        in_quotes(item.text));
    }
    out.push_back(item.text);
  }
}

}  // namespace

void read_model_discovery(const Section& section, ModelDiscovery& discovery) {
  section.read("enabled", discovery.enabled);
  section.read("interval", discovery.interval);
  section.read("timeout", discovery.timeout);
  section.read("concurrent_workers", discovery.concurrent_workers);
  section.read("retry_attempts", discovery.retry_attempts);
  section.read("retry_backoff", discovery.retry_backoff);
}

void read_model_registry(const Section& section, ModelRegistry& registry) {
  // The only choice so far, so that there is nothing to keep.
  static_cast<void>(section.choice("type"));
  section.read("enable_unifier", registry.enable_unifier);
  const Section unification = section.section("unification");
  unification.read("stale_threshold", registry.stale_threshold);
  unification.read("cleanup_interval", registry.cleanup_interval);
  const Section strategy = section.section("routing_strategy");
  strategy.read("type", kRoutingStrategies, registry.strategy);
  const Section options = strategy.section("options");
  options.read("fallback_behavior", kFallbacks, registry.fallback);
  options.read("discovery_timeout", registry.discovery_timeout);
  options.read("discovery_refresh_on_miss", registry.discovery_refresh_on_miss);
}

std::vector<ModelAlias> read_model_aliases(const Section& root, Problems& problems) {
  static constexpr std::string_view kKey = "model_aliases";
  const Entry* found = root.entry(kKey);
  if (found == nullptr) return {};
  if (found->value->kind != Value::Kind::kMapping) {
    root.error(kKey, "must be a mapping of names to lists of models");
    return {};
  }
  if (found->value->entries.size() > kModelAliasesMax) {
    root.error(kKey, "has more than " + std::to_string(kModelAliasesMax) + " aliases");
    return {};
  }
  std::vector<ModelAlias> aliases;
  // By the name in lower case: the first that has it.
  std::map<std::string, const Entry*> names;
  for (const Entry& entry : found->value->entries) {
    const std::string path = root.path_of(kKey) + "." + printable(entry.key);
    if (const std::string fault = name_fault(entry.key); !fault.empty()) {
      problems.error(path, entry.line, "the name of an alias " + fault);
    }
    const auto [first, is_new] = names.try_emplace(lower_ascii(entry.key), &entry);
    // A name that is there twice letter by letter is reported as a duplicate key already.
    if (!is_new && first->second->key != entry.key) {
      problems.error(path, entry.line,
                     "is the alias of line " + std::to_string(first->second->line) +
                         " too: their names differ in the case of letters alone");
    }
    aliases.push_back({entry.key, read_targets(entry, path, problems)});
  }
  return aliases;
}

void read_model_filter(const Section& section, ModelFilter& filter) {
  read_patterns(section, "include", filter.include);
  read_patterns(section, "exclude", filter.exclude);
}

void read_anthropic(const Section& section, Anthropic& anthropic) {
  section.read("enabled", anthropic.enabled);
  section.read("passthrough_enabled", anthropic.passthrough_enabled);
  // The keys of the inspector are all ignored, but unknown ones are errors.
  static_cast<void>(section.section("inspector"));
  // In Olla's files 0 stands for the default.
  const auto size = section.size("max_message_size");
  if (size && *size != 0) anthropic.max_message_size = *size;
}

}  // namespace olla::config
