#include "metrics/exposition.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace olla::metrics {
namespace {

/// Bytes of the UTF-8 character at the front of `text`; 0 when there is none (RFC 3629).
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Longer than need be, a surrogate, or over the last code point.
  const bool wrong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
                     (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f);
  return wrong ? 0 : size;
}

void append_escaped(std::string_view value, std::string& out) {
  while (!value.empty()) {
    const std::size_t size = character_size(value);
    if (size == 0) {
      out += "\xef\xbf\xbd";
      value.remove_prefix(1);
      continue;
    }
    switch (value[0]) {
      case '\\':
        out += "\\\\";
        break;
      case '"':
        out += "\\\"";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        out.append(value.substr(0, size));
    }
    value.remove_prefix(size);
  }
}

}  // namespace

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  type_ = type;
  help_ = help;
  begun_ = false;
}

void Exposition::begin(std::string_view suffix, Labels labels, std::string_view bound) {
  if (!begun_) {
    begun_ = true;
    text_.append("# HELP ").append(name_).append(" ").append(help_).append("\n");
    text_.append("# TYPE ").append(name_).append(" ").append(type_).append("\n");
  }
  text_.append(name_).append(suffix);
  char before = '{';
  const auto add = [&](std::string_view name, std::string_view value) {
    text_.push_back(before);
    text_.append(name).append("=\"");
    append_escaped(value, text_);
    text_.push_back('"');
    before = ',';
  };
  for (const auto& [name, value] : labels)
    add(name, value);
  if (!bound.empty()) add("le", bound);
  if (before == ',') text_.push_back('}');
}

void Exposition::end(std::string_view value) {
  text_.append(" ").append(value).append("\n");
}

void Exposition::sample(Labels labels, std::uint64_t value) {
  begin({}, labels);
  end(std::to_string(value));
}

void Exposition::sample(Labels labels, std::int64_t value) {
  begin({}, labels);
  end(std::to_string(value));
}

void Exposition::sample(Labels labels, double value) {
  begin({}, labels);
  end(number_text(value));
}

void Exposition::histogram(Labels labels, const Distribution& distribution) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < distribution.counts.size(); ++i) {
    below += distribution.counts[i];
    const bool last = i == distribution.bounds.size();
    begin("_bucket", labels, last ? "+Inf" : number_text(distribution.bounds[i]));
    end(std::to_string(below));
  }
  begin("_sum", labels);
  end(number_text(distribution.sum));
  begin("_count", labels);
  end(std::to_string(below));
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 400> digits;
  const int size = std::snprintf(digits.data(), digits.size(), "%.6f", value);
  std::string text(digits.data(), static_cast<std::size_t>(size));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

}  // namespace olla::metrics
