#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace olla::http {

/// One field line of a head or a trailer section. Views into the parsed bytes.
struct Field {
  std::string_view name;
  std::string_view value;  ///< Without the white space around it.
};

/// iequals() for two texts of one size.
bool same_but_for_case(const char* a, const char* b, std::size_t size);

/// Equality of field names and other case-insensitive tokens (ASCII only, RFC 9110, section 5.1).
/// Most pairs differ in their size or first byte, which costs no call.
inline bool iequals(std::string_view a, std::string_view b) {
  constexpr int kCaseBit = 0x20;
  return a.size() == b.size() && (a.empty() || (((a.front() ^ b.front()) & ~kCaseBit) == 0 &&
                                                same_but_for_case(a.data(), b.data(), a.size())));
}

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

/// A few names to look for, shorter than 64 bytes. Their sizes alone turn most names away.
template <std::size_t N>
class NameSet {
 public:
  consteval explicit NameSet(const std::array<std::string_view, N>& names) : names_(names) {
    for (const std::string_view name : names)
      sizes_ |= std::uint64_t{1} << name.size();
  }
  [[nodiscard]] bool has(std::string_view name) const {
    if (name.size() >= 64 || (sizes_ >> name.size() & 1) == 0) return false;
    for (const std::string_view one : names_) {
      if (iequals(name, one)) return true;
    }
    return false;
  }

 private:
  std::array<std::string_view, N> names_;
  std::uint64_t sizes_ = 0;
};

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
