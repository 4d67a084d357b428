#include "openai/request.h"

#include <algorithm>
#include <array>
#include <cstdint>
#if defined(__SSE2__)
#include <emmintrin.h>

#include <bit>
#endif

#include "openai/multipart.h"

namespace olla::openai {
namespace {

// The kind of the value that begins at the start of `text`, which has no white space there.
BodyKind kind_of(std::string_view text) {
  if (text.empty()) return BodyKind::kNotJson;
  const auto digit_at = [text](std::size_t i) {
    return i < text.size() && text[i] >= '0' && text[i] <= '9';
  };
  if (text[0] == '{') return BodyKind::kObject;
  if (text[0] == '[') return BodyKind::kArray;
  if (text[0] == '"') return BodyKind::kString;
  if (digit_at(0) || (text[0] == '-' && digit_at(1))) return BodyKind::kNumber;
  if (text.starts_with("null")) return BodyKind::kNull;
  if (text.starts_with("true") || text.starts_with("false")) return BodyKind::kBoolean;
  // vLLM's JSON parser, Python's, takes these as numbers.
  if (text.starts_with("NaN") || text.starts_with("Infinity") || text.starts_with("-Infinity"))
    return BodyKind::kNumber;
  return BodyKind::kNotJson;
}

bool is_string(std::string_view value) {
  return value.size() >= 2 && value.front() == '"';
}

std::string_view without_quotes(std::string_view value) {
  return value.substr(1, value.size() - 2);
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

std::optional<std::uint32_t> hex4(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text.substr(0, 4)) {
    value <<= 4;
    if (c >= '0' && c <= '9') {
      value += static_cast<std::uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value += static_cast<std::uint32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      value += static_cast<std::uint32_t>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

void append_utf8(std::string& out, std::uint32_t code_point) {
  const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(value); };
  if (code_point < 0x80) {
    byte(code_point);
  } else if (code_point < 0x800) {
    byte(0xC0 | (code_point >> 6));
    byte(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    byte(0xE0 | (code_point >> 12));
    byte(0x80 | ((code_point >> 6) & 0x3F));
    byte(0x80 | (code_point & 0x3F));
  } else {
    byte(0xF0 | (code_point >> 18));
    byte(0x80 | ((code_point >> 12) & 0x3F));
    byte(0x80 | ((code_point >> 6) & 0x3F));
    byte(0x80 | (code_point & 0x3F));
  }
}

// Appends what the \u escape says whose four digits `text` begins with. Returns how many bytes of
// `text` it took, a second escape for the low surrogate included; 0 when it is bad.
std::size_t append_unicode_escape(std::string& out, std::string_view text) {
  const auto first = hex4(text);
  if (!first) return 0;
  if (*first < 0xD800 || *first > 0xDFFF) {
    append_utf8(out, *first);
    return 4;
  }
  if (*first > 0xDBFF || text.substr(4, 2) != "\\u") return 0;
  const auto second = hex4(text.substr(6));
  if (!second || *second < 0xDC00 || *second > 0xDFFF) return 0;
  append_utf8(out, 0x10000 + ((*first - 0xD800) << 10) + (*second - 0xDC00));
  return 10;
}

// The character that a backslash and `c` stand for; 0 when there is no such escape.
char simple_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

// Length of the valid UTF-8 sequence that `text` begins with (Unicode, table 3-7); 0 if there is
// none. `text` is not empty.
std::size_t utf8_length(std::string_view text) {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
  }
  // Too long for what they say, a surrogate, or beyond the last code point.
  if ((lead == 0xE0 && at(1) < 0xA0) || (lead == 0xED && at(1) > 0x9F) ||
      (lead == 0xF0 && at(1) < 0x90) || (lead == 0xF4 && at(1) > 0x8F))
    return 0;
  return length;
}

void append_control(std::string& out, char c) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  switch (c) {
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[static_cast<unsigned char>(c) & 15];
  }
}

}  // namespace

RequestFacts inspect_request(std::string_view body) {
  RequestFacts facts;
  if (body.empty()) return facts;
  const std::size_t mark = byte_order_mark_size(body);
  const std::size_t begin = skip_white_space(body, mark);
  facts.kind = kind_of(body.substr(begin));
  if (facts.kind == BodyKind::kNotJson) facts.error_offset = begin - mark;
  if (facts.kind == BodyKind::kNotJson) {
    // Whatever the Content-Type says: clients of the audio routes send forms.
    if (const auto model = form_field(body, "model")) facts.model = std::string(*model);
  }
  if (facts.kind != BodyKind::kObject) return facts;

  // Decoded at the end, so that of many duplicates only the last one costs an allocation.
  std::string_view model;
  MemberScanner members(body.substr(begin));
  Member member;
  while (members.next(member)) {
    facts.keys.add(member.key);
    if (key_is(member.key, "model")) {
      model = member.value;
    } else if (key_is(member.key, "stream")) {
      facts.stream = means_true(member.value);
    }
  }
  if (is_string(model)) facts.model = decode_json_string(without_quotes(model));
  return facts;
}

std::optional<std::string> text_member(std::string_view body, std::string_view key) {
  MemberScanner members(body);
  Member member;
  std::string_view value;
  while (members.next(member)) {
    if (key_is(member.key, key)) value = member.value;
  }
  if (!is_string(value)) return std::nullopt;
  return decode_json_string(without_quotes(value));
}

bool key_is(std::string_view raw, std::string_view wanted) {
  if (raw == wanted) return true;
  // No escape makes more than six bytes out of one, so that a huge key is not decoded in vain.
  constexpr std::size_t kEscapeBytesMax = 6;
  if (raw.size() > wanted.size() * kEscapeBytesMax) return false;
  if (raw.find('\\') == std::string_view::npos) return false;
  return decode_json_string(raw) == wanted;
}

bool means_true(std::string_view value) {
  static constexpr std::array<std::string_view, 6> kWords = {"true", "1", "yes", "on", "t", "y"};
  if (!is_string(value)) return value == "true" || value == "1" || value == "1.0";
  const std::string_view word = without_quotes(value);
  return std::any_of(kWords.begin(), kWords.end(),
                     [word](std::string_view known) { return equals_ignoring_case(word, known); });
}

std::optional<std::string> decode_json_string(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c == '"' || static_cast<unsigned char>(c) < 0x20) return std::nullopt;
    if (c != '\\') {
      out += c;
      continue;
    }
    if (++i == raw.size()) return std::nullopt;
    if (raw[i] == 'u') {
      const std::size_t taken = append_unicode_escape(out, raw.substr(i + 1));
      if (taken == 0) return std::nullopt;
      i += taken;
    } else {
      const char meant = simple_escape(raw[i]);
      if (meant == 0) return std::nullopt;
      out += meant;
    }
  }
  return out;
}

std::size_t json_plain_length(std::string_view text) {
  std::size_t at = 0;
#if defined(__SSE2__)
  constexpr std::size_t kLaneBytes = sizeof(__m128i);
  for (; text.size() - at >= kLaneBytes; at += kLaneBytes) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    // As signed bytes those from 0x80 on are the smallest.
    const __m128i below = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));
    const __m128i quotes = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                        _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    const auto other = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(below, quotes)));
    if (other != 0) return at + static_cast<std::size_t>(std::countr_zero(other));
  }
#endif
  for (; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') break;
  }
  return at;
}

std::string json_quoted(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_json_quoted(text, out);
  return out;
}

void append_json_quoted(std::string_view text, std::string& out) {
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t plain = json_plain_length(text.substr(i));
    out.append(text, i, plain);
    i += plain;
    if (i == text.size()) break;
    const char c = text[i];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
      ++i;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      append_control(out, c);
      ++i;
    } else if (const std::size_t length = utf8_length(text.substr(i)); length > 0) {
      out += text.substr(i, length);
      i += length;
    } else {
      out += "\xEF\xBF\xBD";
      ++i;
    }
  }
  out += '"';
}

}  // namespace olla::openai
