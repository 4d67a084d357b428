#include "sim/regex_classes.h"

#include <algorithm>

namespace olla::sim {
namespace {

const std::vector<NamedClass>& posix_classes() {
  static const std::vector<NamedClass> classes = {{"alnum", "azAZ09"},
                                                  {"alpha", "azAZ"},
                                                  {"ascii", {"\x00\x7f", 2}},
                                                  {"blank", "  \t\t"},
                                                  {"cntrl", {"\x00\x1f\x7f\x7f", 4}},
                                                  {"digit", "09"},
                                                  {"graph", "!~"},
                                                  {"lower", "az"},
                                                  {"print", " ~"},
                                                  {"punct", "!/:@[`{~"},
                                                  {"space", "\t\r  "},
                                                  {"upper", "AZ"},
                                                  {"word", "azAZ09__"},
                                                  {"xdigit", "09afAF"}};
  return classes;
}

const std::vector<NamedClass>& unicode_classes() {
  static const std::vector<NamedClass> classes = {{"L", "azAZ", {"\u00e9", "\u03bb", "\u4e2d"}},
                                                  {"Lu", "AZ", {"\u00c9"}},
                                                  {"Ll", "az", {"\u00e9"}},
                                                  {"N", "09"},
                                                  {"Nd", "09"},
                                                  {"P", "!#%*,/:;?@[]__{{}}"},
                                                  {"Z", "  "},
                                                  {"Zs", "  "},
                                                  {"Latin", "azAZ", {"\u00e9"}},
                                                  {"Greek", "", {"\u03b1", "\u03b2", "\u03bb"}},
                                                  {"Cyrillic", "", {"\u0430", "\u0431", "\u044f"}},
                                                  {"Han", "", {"\u4e2d", "\u6587"}}};
  return classes;
}

const NamedClass* find_class(const std::vector<NamedClass>& classes, std::string_view name) {
  const auto at = std::find_if(classes.begin(), classes.end(),
                               [name](const NamedClass& each) { return each.name == name; });
  return at == classes.end() ? nullptr : &*at;
}

}  // namespace

void add_range(Characters& set, char from, char to) {
  // Both are ASCII, so none is negative.
  for (auto c = static_cast<std::uint8_t>(from); c <= static_cast<std::uint8_t>(to); ++c) {
    set.set(c);
  }
}

std::optional<Characters> named_class(char letter) {
  Characters set;
  switch (letter) {
    case 'd':
    case 'D':
      add_range(set, '0', '9');
      break;
    case 'w':
    case 'W':
      add_range(set, 'a', 'z');
      add_range(set, 'A', 'Z');
      add_range(set, '0', '9');
      set.set('_');
      break;
    case 's':
    case 'S':
      for (const char c : std::string_view(" \t\n\r\f\v")) {
        set.set(static_cast<std::size_t>(c));
      }
      break;
    default:
      return std::nullopt;
  }
  if (letter == 'D' || letter == 'W' || letter == 'S') set.flip();
  return set;
}

const NamedClass* find_posix_class(std::string_view name) {
  return find_class(posix_classes(), name);
}

const NamedClass* find_unicode_class(std::string_view name) {
  return find_class(unicode_classes(), name);
}

std::uint32_t code_point(std::string_view character) {
  const auto first = static_cast<std::uint8_t>(character.front());
  if (character.size() == 1) return first;
  std::uint32_t out = first & (0xFFU >> (character.size() + 1));
  for (const char c : character.substr(1)) {
    out = out << 6U | (static_cast<std::uint8_t>(c) & 0x3FU);
  }
  return out;
}

std::string utf8(std::uint32_t point) {
  const auto tail = [point](unsigned shift) {
    return static_cast<char>(0x80U | (point >> shift & 0x3FU));
  };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xC0U | point >> 6U), tail(0)};
  if (point < 0x10000) return {static_cast<char>(0xE0U | point >> 12U), tail(6), tail(0)};
  return {static_cast<char>(0xF0U | point >> 18U), tail(12), tail(6), tail(0)};
}

}  // namespace olla::sim
