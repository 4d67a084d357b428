#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace olla::http {

/// One field line of a head or a trailer section. Views into the parsed bytes.
struct Field {
  std::string_view name;
  std::string_view value;  ///< Without the white space around it.
};

/// Equality of field names and other case-insensitive tokens (ASCII only, RFC 9110, section 5.1).
bool iequals(std::string_view a, std::string_view b);

/// True when `name` starts with `prefix`, case-insensitively.
bool istarts_with(std::string_view name, std::string_view prefix);

/// A token of RFC 9110, section 5.6.2: one or more tchar.
bool is_token(std::string_view text);

/// A field value: no control character but the tab (RFC 9110, section 5.5). Bytes over 0x7F pass.
bool is_field_value(std::string_view text);

/// One or more visible ASCII characters (0x21 to 0x7E).
bool is_visible_ascii(std::string_view text);

/// `text` without the spaces and tabs around it.
std::string_view trim(std::string_view text);

/// The first field of that name, if there is one.
std::optional<std::string_view> find_field(std::span<const Field> fields, std::string_view name);

/// Walks a comma-separated list (RFC 9110, section 5.6.1); empty elements are skipped.
class ListWalker {
 public:
  explicit ListWalker(std::string_view value) : rest_(value) {}
  /// The next element without white space around it; nullopt at the end.
  std::optional<std::string_view> next();

 private:
  std::string_view rest_;
};

}  // namespace olla::http
