#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"

namespace olla::config {

struct Value;
/// Values are immutable once parsed, so an alias shares the value of its anchor.
using ValuePtr = std::shared_ptr<const Value>;

/// One `key: value` of a mapping.
struct Entry {
  std::string key;
  std::size_t line = 0;  ///< Of the key, from 1.
  ValuePtr value;        ///< Never null.
  /// The environment variable that gave the value in place of the file; empty: none did.
  std::string variable = {};
};

/// One value of a YAML document, with the line that it starts on.
struct Value {
  enum class Kind { kNull, kScalar, kSequence, kMapping };

  Kind kind = Kind::kNull;
  std::size_t line = 0;         ///< From 1.
  std::string text;             ///< Of a scalar.
  bool is_string = false;       ///< A scalar in quotes, a block scalar or one tagged !!str.
  std::vector<ValuePtr> items;  ///< Of a sequence.
  std::vector<Entry> entries;   ///< Of a mapping, in order. A key may be there twice.
  std::size_t value_count = 1;  ///< Values in here, itself and aliases' targets included.
  std::size_t depth = 1;        ///< Longest way down, itself included.

  /// The first value of `key` in a mapping, or nullptr.
  [[nodiscard]] const Entry* find(std::string_view key) const;
};

/// Limits that keep hostile or broken input from eating memory, time or stack. A configuration of a
/// thousand endpoints stays far below all of them.
inline constexpr std::size_t kDocumentBytesMax = 1 << 20;
inline constexpr std::size_t kDocumentDepthMax = 64;
inline constexpr std::size_t kDocumentValuesMax = 100'000;

/// Parses one YAML document. Merge keys (`<<: *anchor`) are resolved; an empty document is a null.
///
/// Returns nullptr after adding one error to `problems` when the text is not YAML, passes a limit
/// above, or uses what no configuration needs: several documents, application tags, keys that are
/// not scalars. Adds one error for each key that a mapping has twice. Does not throw.
ValuePtr parse_document(std::string_view yaml, Problems& problems);

}  // namespace olla::config
