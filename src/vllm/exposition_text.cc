#include "vllm/exposition_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace olla::vllm {
namespace {

// What a byte may be part of.
enum : std::uint8_t { kNameByte = 1, kNameStart = 2, kColon = 4, kNumberByte = 8 };

constexpr std::array<std::uint8_t, 256> make_byte_kinds() {
  std::array<std::uint8_t, 256> kinds{};
  for (std::size_t c = 'a'; c <= 'z'; ++c)
    kinds[c] = kNameByte | kNameStart;
  for (std::size_t c = 'A'; c <= 'Z'; ++c)
    kinds[c] = kNameByte | kNameStart;
  for (std::size_t c = '0'; c <= '9'; ++c)
    kinds[c] = kNameByte | kNumberByte;
  kinds['_'] = kNameByte | kNameStart;
  kinds[':'] = kColon;
  kinds['e'] |= kNumberByte;
  kinds['E'] |= kNumberByte;
  kinds['+'] = kinds['-'] = kinds['.'] = kNumberByte;
  return kinds;
}

constexpr auto kByteKinds = make_byte_kinds();

bool is(char c, int kinds) {
  return (kByteKinds[static_cast<unsigned char>(c)] & kinds) != 0;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && is_blank(text[at]))
    ++at;
  return at;
}

// End of the metric name that begins at `at`; `at` when there is none.
std::size_t metric_name_end(std::string_view text, std::size_t at) {
  if (at == text.size() || !is(text[at], kNameStart | kColon)) return at;
  while (at < text.size() && is(text[at], kNameByte | kColon))
    ++at;
  return at;
}

// Length of the UTF-8 sequence that `text` begins with, by the table of RFC 3629; 0 when it is
// none.
std::size_t sequence_size(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool not_a_character =
      (first == 0xED && second >= 0xA0) || (first == 0xF4 && second >= 0x90);
  return overlong || not_a_character ? 0 : size;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && byte != '\t') || byte == 0x7F;
}

// Valid UTF-8 without control characters.
bool is_clean(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = sequence_size(text.substr(at));
    if (size == 0 || is_control(text[at])) return false;
    at += size;
  }
  return true;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

}  // namespace

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view leading_name(std::string_view line) {
  const std::size_t begin = skip_blanks(line, 0);
  return line.substr(begin, metric_name_end(line, begin) - begin);
}

std::optional<double> parse_number(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+') || digits.starts_with('-')) digits.remove_prefix(1);
  if (digits.empty()) return std::nullopt;
  if (equals_ignoring_case(digits, "nan")) return std::nan("");
  if (equals_ignoring_case(digits, "inf") || equals_ignoring_case(digits, "infinity"))
    return text.starts_with('-') ? -HUGE_VAL : HUGE_VAL;
  // from_chars takes a sign of its own: "+-1" is no number.
  if (!is(digits[0], kNumberByte) || digits[0] == '+' || digits[0] == '-') return std::nullopt;
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || rest != end) return std::nullopt;
  return text.starts_with('-') ? -value : value;
}

bool Sample::parse(std::string_view line) {
  std::size_t at = skip_blanks(line, 0);
  const std::size_t name_end = metric_name_end(line, at);
  if (name_end == at) return false;
  name_ = line.substr(at, name_end - at);
  label_count_ = 0;
  at = skip_blanks(line, name_end);
  if (at < line.size() && line[at] == '{') {
    ++at;
    if (!parse_labels(line, at)) return false;
    at = skip_blanks(line, at);
  } else if (at == name_end) {
    return false;  // Nothing stands between the name and the value.
  }
  return parse_end(line, at);
}

// From behind the '{' to behind the '}'. A comma may stand before the '}'.
bool Sample::parse_labels(std::string_view line, std::size_t& at) {
  for (;;) {
    at = skip_blanks(line, at);
    if (at == line.size()) return false;
    if (line[at] == '}') break;
    if (!parse_label(line, at)) return false;
    at = skip_blanks(line, at);
    if (at == line.size()) return false;
    if (line[at] == ',') {
      ++at;
    } else if (line[at] != '}') {
      return false;
    }
  }
  ++at;
  return true;
}

bool Sample::parse_label(std::string_view line, std::size_t& at) {
  if (label_count_ == kLabelsMax || !is(line[at], kNameStart)) return false;
  Label& out = labels_[label_count_];
  const std::size_t begin = at;
  while (at < line.size() && is(line[at], kNameByte))
    ++at;
  out.name = line.substr(begin, at - begin);
  if (out.name == "__name__" || label(out.name)) return false;
  at = skip_blanks(line, at);
  if (at == line.size() || line[at] != '=') return false;
  at = skip_blanks(line, at + 1);
  if (at == line.size() || line[at] != '"') return false;
  const std::size_t value_begin = ++at;
  bool all_ascii = true;
  while (at < line.size() && line[at] != '"') {
    if (line[at] == '\\') {
      ++at;
      if (at == line.size() || (line[at] != '\\' && line[at] != '"' && line[at] != 'n'))
        return false;
    } else if (is_control(line[at])) {
      return false;
    }
    all_ascii = all_ascii && static_cast<unsigned char>(line[at]) < 0x80;
    ++at;
  }
  if (at == line.size()) return false;
  out.value = line.substr(value_begin, at - value_begin);
  if (!all_ascii && !is_clean(out.value)) return false;
  ++at;
  ++label_count_;
  return true;
}

// The value and what may follow it.
bool Sample::parse_end(std::string_view line, std::size_t at) {
  const std::size_t value_end = std::min(line.find_first_of(" \t", at), line.size());
  value_text_ = line.substr(at, value_end - at);
  const auto value = parse_number(value_text_);
  if (!value) return false;
  value_ = *value;
  at = skip_blanks(line, value_end);
  if (at == line.size() || line[at] == '#') return true;
  const std::size_t time_end = std::min(line.find_first_of(" \t", at), line.size());
  const auto time = parse_number(line.substr(at, time_end - at));
  if (!time || !std::isfinite(*time)) return false;
  at = skip_blanks(line, time_end);
  return at == line.size() || line[at] == '#';
}

std::optional<std::string_view> Sample::label(std::string_view name) const {
  for (const Label& label : labels()) {
    if (label.name == name) return label.value;
  }
  return std::nullopt;
}

std::optional<Metadata> parse_metadata(std::string_view line) {
  std::size_t at = skip_blanks(line, 0);
  if (at == line.size() || line[at] != '#') return std::nullopt;
  at = skip_blanks(line, at + 1);
  Metadata out;
  const std::string_view word = line.substr(at, 4);
  if (word == "TYPE") {
    out.kind = Metadata::Kind::kType;
  } else if (word != "HELP") {
    return std::nullopt;
  }
  const std::size_t name_begin = skip_blanks(line, at + 4);
  const std::size_t name_end = metric_name_end(line, name_begin);
  if (name_begin == at + 4 || name_end == name_begin) return std::nullopt;
  out.name = line.substr(name_begin, name_end - name_begin);
  if (name_end < line.size()) {
    if (!is_blank(line[name_end])) return std::nullopt;
    out.text = line.substr(skip_blanks(line, name_end));
  }
  if (out.kind == Metadata::Kind::kType)
    out.text = out.text.substr(0, out.text.find_first_of(" \t"));
  if (!is_clean(out.text)) return std::nullopt;
  return out;
}

void append_number(std::string& out, double value) {
  constexpr double kWholeMax = 9007199254740992;  // 2^53: a double counts every number below.
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    std::array<char, 32> digits;  // The longest double has 24 characters.
    char* const end = digits.data() + digits.size();
    const bool whole = std::fabs(value) < kWholeMax && value == std::trunc(value);
    const auto written = whole ? std::to_chars(digits.data(), end, static_cast<std::int64_t>(value))
                               : std::to_chars(digits.data(), end, value);
    out.append(digits.data(), written.ptr);
  }
}

std::string decode_label_value(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (std::size_t at = 0; at < value.size(); ++at) {
    if (value[at] != '\\' || at + 1 == value.size()) {
      out += value[at];
      continue;
    }
    ++at;
    out += value[at] == 'n' ? '\n' : value[at];
  }
  return out;
}

void append_label_value(std::string& out, std::string_view value) {
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t size = sequence_size(value.substr(at));
    switch (value[at]) {
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
        if (size == 0 || is_control(value[at])) {
          out += '?';
        } else {
          out += value.substr(at, size);
        }
    }
    at += std::max<std::size_t>(size, 1);
  }
}

void append_help(std::string& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    out += text[at];
    if (text[at] != '\\') continue;
    const bool escape = at + 1 < text.size() && (text[at + 1] == '\\' || text[at + 1] == 'n');
    out += escape ? text[++at] : '\\';
  }
}

}  // namespace olla::vllm
