#include "http/field.h"

#include <array>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>

#include <bit>
#endif

namespace olla::http {
namespace {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c)
    table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c)
    table[static_cast<std::size_t>(c)] = table[static_cast<std::size_t>(c - 32)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}

constexpr std::array<bool, 256> kTokenChars = make_token_table();

template <class Word>
Word load(const char* from) {
  Word word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// Whether eight bytes are equal, or differ only in the bit that makes a letter lower case.
bool are_same_letters(std::uint64_t ours, std::uint64_t theirs) {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  constexpr std::uint64_t kCaseBits = 0x20 * kEach;
  constexpr std::uint64_t kHighBits = 0x80 * kEach;
  const std::uint64_t different = ours ^ theirs;
  if (different == 0) return true;
  if ((different & ~kCaseBits) != 0) return false;
  // The high bit of each byte that is no letter from 'a' to 'z' once the case bit is set. Sums of
  // seven bits do not carry into the next byte.
  const std::uint64_t low_bits = (ours | kCaseBits) & ~kHighBits;
  const std::uint64_t from_a = low_bits + (0x80 - 'a') * kEach;
  const std::uint64_t behind_z = low_bits + (0x80 - 'z' - 1) * kEach;
  const std::uint64_t no_letter = (ours | ~from_a | behind_z) & kHighBits;
  return (different & no_letter >> 2) == 0;
}

}  // namespace

bool same_but_for_case(const char* a, const char* b, std::size_t size) {
  if (size >= sizeof(std::uint64_t)) {
    // Eight bytes at a time, the last eight once more where they do not end with the others.
    const std::size_t last = size - sizeof(std::uint64_t);
    for (std::size_t at = 0; at < last; at += sizeof(std::uint64_t)) {
      if (!are_same_letters(load<std::uint64_t>(a + at), load<std::uint64_t>(b + at))) return false;
    }
    return are_same_letters(load<std::uint64_t>(a + last), load<std::uint64_t>(b + last));
  }
  if (size >= sizeof(std::uint32_t)) {
    const std::size_t last = size - sizeof(std::uint32_t);
    const auto both = [last](const char* text) {
      return std::uint64_t{load<std::uint32_t>(text)} << 32 | load<std::uint32_t>(text + last);
    };
    return are_same_letters(both(a), both(b));
  }
  for (std::size_t at = 0; at < size; ++at) {
    if (lower(a[at]) != lower(b[at])) return false;
  }
  return true;
}

bool istarts_with(std::string_view name, std::string_view prefix) {
  return name.size() >= prefix.size() && iequals(name.substr(0, prefix.size()), prefix);
}

std::size_t token_length(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && kTokenChars[static_cast<unsigned char>(text[length])])
    ++length;
  return length;
}

bool is_token(std::string_view text) {
  return !text.empty() && token_length(text) == text.size();
}

// A head is mostly values: byte by byte this was a tenth of what a small request costs.
std::size_t field_value_length(std::string_view text) {
  std::size_t at = 0;
#if defined(__SSE2__)
  constexpr std::size_t kLaneBytes = sizeof(__m128i);
  for (; text.size() - at >= kLaneBytes; at += kLaneBytes) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    // As unsigned bytes: those that the larger of them and 0x20 does not leave as they are.
    const __m128i at_least_space = _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8(' ')), bytes);
    const __m128i allowed =
        _mm_or_si128(at_least_space, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')));
    const __m128i deleted = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F));
    const auto right = static_cast<unsigned>(_mm_movemask_epi8(_mm_andnot_si128(deleted, allowed)));
    if (right != 0xFFFF) return at + static_cast<std::size_t>(std::countr_one(right));
  }
#endif
  for (; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7F) break;
  }
  return at;
}

bool is_visible_ascii(std::string_view text) {
  for (const char c : text) {
    if (c < 0x21 || c > 0x7E) return false;
  }
  return !text.empty();
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

std::optional<std::string_view> find_field(std::span<const Field> fields, std::string_view name) {
  for (const Field& field : fields) {
    if (iequals(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::optional<std::string_view> ListWalker::next() {
  while (!rest_.empty()) {
    const std::size_t comma = rest_.find(',');
    const std::string_view element = trim(rest_.substr(0, comma));
    rest_ = comma == std::string_view::npos ? std::string_view() : rest_.substr(comma + 1);
    if (!element.empty()) return element;
  }
  return std::nullopt;
}

}  // namespace olla::http
