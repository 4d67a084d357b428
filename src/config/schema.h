#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace olla::config {

enum class Kind : std::uint8_t {
  kMapping,
  kList,
  kText,
  kInteger,
  kDuration,
  kSize,
  kBoolean,
  kChoice,
};

/// One key of the configuration file.
///
/// The loader takes unknown keys, ranges and choices from this table, and a test compares it with
/// docs/configuration.md and with the defaults of config.h: the three cannot drift apart.
struct Key {
  enum class Status : std::uint8_t {
    kImplemented,
    kIgnored,  ///< Olla has it. Accepted with one warning at most, whatever is below it.
  };

  std::string_view path;  ///< "server.port"; the items of a list are "endpoints[]".
  Kind kind;              ///< Means nothing for an ignored key.
  Status status = Status::kImplemented;
  std::string_view initial{};  ///< The default as a file would say it; empty: none.
  std::uint64_t min = 0;       ///< Of kInteger; of kDuration in milliseconds; of kSize in bytes.
  std::uint64_t max = 0;
  /// Of kDuration and kSize: 0 may be given too, however large `min` is, and means the default.
  bool zero_is_default = false;
  std::string_view choices{};  ///< Of kChoice, with ", " between them.
  /// Of an ignored key: the values that ask for nothing and cost no warning, with ", " between
  /// them, and why the key has no effect, as the warning says it.
  std::string_view silent{};
  std::string_view reason{};
};

/// Every key, those of one mapping in a row.
std::span<const Key> keys();

/// Whether `word` is one of `list`, which has ", " between its members.
bool is_in(std::string_view list, std::string_view word);

/// The key of that path, or nullptr.
const Key* find_key(std::string_view path);

/// "text", "duration" and so on, as the document has it.
std::string_view kind_text(Kind kind);

/// The range or the choices, as messages and the document have it: "0 to 65535", "1ms to 24h",
/// "json, text"; empty when the kind says it all.
std::string allowed_text(const Key& key);

/// The path of the key that somebody who wrote `name` in the mapping `parent` may have meant: a
/// neighbour that is spelt alike, or a key of that name elsewhere. Empty when nothing is near.
std::string nearest_key(std::string_view parent, std::string_view name);

}  // namespace olla::config
