#pragma once

#include <algorithm>
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

/// How many bytes at the front of `text` a token may have.
std::size_t token_length(std::string_view text);

/// How many bytes at the front of `text` a field value may have: no control character but the tab
/// (RFC 9110, section 5.5). Bytes over 0x7F pass.
std::size_t field_value_length(std::string_view text);
/// Whether all of `text` may stand in a field value.
inline bool is_field_value(std::string_view text) {
  return field_value_length(text) == text.size();
}

/// One or more visible ASCII characters (0x21 to 0x7E).
bool is_visible_ascii(std::string_view text);

/// `text` without the spaces and tabs around it.
std::string_view trim(std::string_view text);

/// The first field of that name, if there is one.
std::optional<std::string_view> find_field(std::span<const Field> fields, std::string_view name);

/// A field name on which the handling of a message depends, and bits that say how.
struct NamedBits {
  std::string_view name;  ///< Shorter than 32 bytes.
  std::uint32_t bits;
};

/// Many of them. One look tells all that there is to know of a name.
template <std::size_t N>
class NameTable {
 public:
  consteval explicit NameTable(const std::array<NamedBits, N>& entries) : entries_(entries) {
    std::sort(entries_.begin(), entries_.end(), [](const NamedBits& one, const NamedBits& other) {
      return one.name.size() < other.name.size();
    });
    for (const NamedBits& entry : entries_) {
      for (std::size_t size = entry.name.size() + 1; size <= kSizeMax; ++size)
        ++first_.at(size);
    }
  }

  /// The bits of the entry of that name; 0 when there is none.
  [[nodiscard]] std::uint32_t bits_of(std::string_view name) const {
    if (name.size() >= kSizeMax) return 0;
    for (std::size_t i = first_[name.size()]; i < first_[name.size() + 1]; ++i) {
      if (iequals(name, entries_[i].name)) return entries_[i].bits;
    }
    return 0;
  }

 private:
  static constexpr std::size_t kSizeMax = 32;

  std::array<NamedBits, N> entries_;                // By size.
  std::array<std::uint8_t, kSizeMax + 1> first_{};  // Of the entries of each size.
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
