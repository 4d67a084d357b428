#include "openai/members.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace olla::openai {
namespace {

constexpr std::size_t kNotFound = std::string_view::npos;

bool is_structural(char c) {
  return c == '"' || c == '[' || c == ']' || c == '{' || c == '}';
}

// What a number or a word may have: NaN and Infinity are spelt with these too, and vLLM takes them.
bool is_scalar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '+' || c == '.';
}

#if defined(__SSE2__)
constexpr std::size_t kLaneBytes = sizeof(__m128i);

__m128i load(const char* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

std::uint32_t quote_mask(__m128i bytes) {
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'))));
}

std::uint32_t structural_mask(__m128i bytes) {
  // '[' and '{' differ in bit 0x20 only, as do ']' and '}'; no other byte becomes one of them.
  const __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
  const __m128i opening = _mm_cmpeq_epi8(folded, _mm_set1_epi8('{'));
  const __m128i closing = _mm_cmpeq_epi8(folded, _mm_set1_epi8('}'));
  return quote_mask(bytes) |
         static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(opening, closing)));
}
#endif

// memchr() is the fastest way through a long string (70 GB/s) but costs a call, so that keys, short
// values and text full of escaped quotes are looked at here first: a third faster for those.
std::size_t find_quote(std::string_view text, std::size_t position) {
#if defined(__SSE2__)
  constexpr int kLanesBeforeCall = 2;
  for (int i = 0; i < kLanesBeforeCall && text.size() - position >= kLaneBytes; ++i) {
    const std::uint32_t mask = quote_mask(load(text.data() + position));
    if (mask != 0) return position + static_cast<std::size_t>(std::countr_zero(mask));
    position += kLaneBytes;
  }
#endif
  return text.find('"', position);
}

// Between strings the next quote or bracket is a few bytes away; only arrays of token numbers are
// long stretches without one, and ten times as fast 16 bytes at a time.
std::size_t find_structural(std::string_view text, std::size_t position) {
#if defined(__SSE2__)
  constexpr std::size_t kBytesBeforeLanes = 8;
  const std::size_t near = std::min(text.size(), position + kBytesBeforeLanes);
  for (; position < near; ++position) {
    if (is_structural(text[position])) return position;
  }
  for (; text.size() - position >= kLaneBytes; position += kLaneBytes) {
    const std::uint32_t mask = structural_mask(load(text.data() + position));
    if (mask != 0) return position + static_cast<std::size_t>(std::countr_zero(mask));
  }
#endif
  for (; position < text.size(); ++position) {
    if (is_structural(text[position])) return position;
  }
  return kNotFound;
}

// The end of the string whose opening quote is at `position`: one past its closing quote.
std::size_t skip_string(std::string_view text, std::size_t position) {
  const std::size_t begin = position + 1;
  for (std::size_t quote = begin;; ++quote) {
    quote = find_quote(text, quote);
    if (quote == kNotFound) return kNotFound;
    // Escaped when an odd number of backslashes stands before it. The runs before two quotes do
    // not overlap, so that looking back stays linear.
    std::size_t first = quote;
    while (first > begin && text[first - 1] == '\\')
      --first;
    if ((quote - first) % 2 == 0) return quote + 1;
  }
}

// The end of the array or object that opens at `position`.
std::size_t skip_nested(std::string_view text, std::size_t position) {
  std::size_t depth = 0;
  for (;;) {
    position = find_structural(text, position);
    if (position == kNotFound) return kNotFound;
    switch (text[position]) {
      case '"':
        position = skip_string(text, position);
        if (position == kNotFound) return kNotFound;
        break;
      case '[':
      case '{':
        ++depth;
        ++position;
        break;
      default:
        ++position;
        if (--depth == 0) return position;
    }
  }
}

// The end of the value at `position`; kNotFound when none begins there or it does not end.
std::size_t skip_value(std::string_view text, std::size_t position) {
  if (position == text.size()) return kNotFound;
  const char first = text[position];
  if (first == '"') return skip_string(text, position);
  if (first == '[' || first == '{') return skip_nested(text, position);
  std::size_t end = position;
  while (end < text.size() && is_scalar(text[end]))
    ++end;
  return end == position ? kNotFound : end;
}

bool stands_at(std::string_view text, std::size_t position, char wanted) {
  return position < text.size() && text[position] == wanted;
}

}  // namespace

bool MemberScanner::next(Member& out) {
  if (state_ == State::kEnd || state_ == State::kMalformed) return false;
  if (state_ == State::kStart) {
    position_ = skip_white_space(json_, byte_order_mark_size(json_));
    if (!stands_at(json_, position_, '{')) return stop(State::kMalformed);
    position_ = skip_white_space(json_, position_ + 1);
    if (stands_at(json_, position_, '}')) return finish();
    state_ = State::kInside;
  } else {
    position_ = skip_white_space(json_, position_);
    if (stands_at(json_, position_, '}')) return finish();
    if (!stands_at(json_, position_, ',')) return stop(State::kMalformed);
    position_ = skip_white_space(json_, position_ + 1);
  }
  if (!stands_at(json_, position_, '"')) return stop(State::kMalformed);
  const std::size_t key_begin = position_ + 1;
  const std::size_t key_end = skip_string(json_, position_);
  if (key_end == kNotFound) return stop(State::kMalformed);
  const std::size_t colon = skip_white_space(json_, key_end);
  if (!stands_at(json_, colon, ':')) return stop(State::kMalformed);
  const std::size_t value_begin = skip_white_space(json_, colon + 1);
  const std::size_t value_end = skip_value(json_, value_begin);
  if (value_end == kNotFound) return stop(State::kMalformed);
  out.key = json_.substr(key_begin, key_end - 1 - key_begin);
  out.value = json_.substr(value_begin, value_end - value_begin);
  position_ = value_end;
  return true;
}

bool MemberScanner::stop(State state) {
  state_ = state;
  return false;
}

bool MemberScanner::finish() {
  const bool alone = skip_white_space(json_, position_ + 1) == json_.size();
  return stop(alone ? State::kEnd : State::kMalformed);
}

std::size_t byte_order_mark_size(std::string_view text) {
  return text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
}

std::size_t skip_white_space(std::string_view text, std::size_t position) {
  while (position < text.size() && (text[position] == ' ' || text[position] == '\n' ||
                                    text[position] == '\r' || text[position] == '\t'))
    ++position;
  return position;
}

bool ElementScanner::next(std::string_view& out) {
  if (ended_) return false;
  const bool first = position_ == 0;
  if (!first) position_ = skip_white_space(json_, position_);
  // A '[' or a comma; either way the next element follows.
  if (first || stands_at(json_, position_, ',')) {
    const std::size_t begin = skip_white_space(json_, position_ + 1);
    const std::size_t end = skip_value(json_, begin);
    if (end != kNotFound) {
      out = json_.substr(begin, end - begin);
      position_ = end;
      return true;
    }
    ended_ = true;
    malformed_ = !first || !stands_at(json_, begin, ']');
    return false;
  }
  ended_ = true;
  malformed_ = !stands_at(json_, position_, ']');
  return false;
}

std::size_t count_elements(std::string_view json) {
  ElementScanner elements(json);
  std::string_view element;
  std::size_t count = 0;
  while (elements.next(element))
    ++count;
  return count;
}

}  // namespace olla::openai
