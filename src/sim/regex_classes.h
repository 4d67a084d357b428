#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Classes of characters that regular expressions call by a name.
namespace olla::sim {

/// Characters of ASCII.
using Characters = std::bitset<128>;

/// Adds all from one to another, both of ASCII.
void add_range(Characters& set, char from, char to);
/// What \d, \w, \s and their negations stand for; nullopt for another letter.
std::optional<Characters> named_class(char letter);

/// Some ASCII, and some characters beyond.
struct NamedClass {
  std::string_view name;
  std::string_view ranges;               ///< Pairs of the first and the last: "azAZ".
  std::vector<std::string> others = {};  ///< Each a character in UTF-8.
};

/// `alpha` in `[[:alpha:]]`; nullptr for another name.
const NamedClass* find_posix_class(std::string_view name);
/// `L` in `\pL`, `Greek` in `\p{Greek}`: of Unicode's classes those that people use; or nullptr.
const NamedClass* find_unicode_class(std::string_view name);

/// The number of one character of valid UTF-8, or of one byte, and back.
std::uint32_t code_point(std::string_view character);
std::string utf8(std::uint32_t point);

}  // namespace olla::sim
