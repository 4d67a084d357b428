#include "models/filter.h"

#include <algorithm>
#include <string>

#include "config/ascii.h"

namespace olla::models {
namespace {

bool matches_any(const std::vector<std::string>& patterns, std::string_view id) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [id](const std::string& pattern) { return matches_pattern(pattern, id); });
}

}  // namespace

bool passes(const config::ModelFilter& filter, std::string_view id) {
  if (matches_any(filter.exclude, id)) return false;
  return filter.include.empty() || matches_any(filter.include, id);
}

bool matches_pattern(std::string_view pattern, std::string_view text) {
  const bool open_start = pattern.starts_with('*');
  if (open_start) pattern.remove_prefix(1);
  const bool open_end = pattern.ends_with('*') || (open_start && pattern.empty());
  if (pattern.ends_with('*')) pattern.remove_suffix(1);
  const std::string wanted = config::lower_ascii(pattern);
  const std::string have = config::lower_ascii(text);
  if (open_start && open_end) return have.find(wanted) != std::string::npos;
  if (open_start) return have.ends_with(wanted);
  if (open_end) return have.starts_with(wanted);
  return have == wanted;
}

}  // namespace olla::models
