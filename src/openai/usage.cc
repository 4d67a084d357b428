#include "openai/usage.h"

#include <algorithm>
#include <limits>
#if defined(__SSE2__)
#include <emmintrin.h>

#include <bit>
#endif

namespace olla::openai {
namespace {

constexpr std::string_view kNeedle = "\"usage\"";

// The longest recorded usage object has 300 bytes. What goes on far beyond that is no usage, and
// must not be read byte by byte for the rest of the response.
constexpr std::size_t kObjectBytesMax = 8192;

/// Where the needle stands in `text` at or behind `position`; npos: nowhere. memmem() is as fast in
/// a megabyte, but spends 1,400 instructions on tables first, and an event has 250 bytes.
std::size_t find_needle(std::string_view text, std::size_t position) {
#if defined(__SSE2__)
  // Sixteen places at a time: where its first byte stands and, so far behind, its last but one.
  constexpr std::size_t kLaneBytes = sizeof(__m128i);
  constexpr std::size_t kSecond = kNeedle.size() - 2;
  const auto load = [&](std::size_t at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
  };
  const __m128i first = _mm_set1_epi8(kNeedle[0]);
  const __m128i second = _mm_set1_epi8(kNeedle[kSecond]);
  for (; text.size() - position >= kLaneBytes + kSecond; position += kLaneBytes) {
    const __m128i both = _mm_and_si128(_mm_cmpeq_epi8(load(position), first),
                                       _mm_cmpeq_epi8(load(position + kSecond), second));
    for (auto places = static_cast<unsigned>(_mm_movemask_epi8(both)); places != 0;
         places &= places - 1) {
      const std::size_t at = position + static_cast<std::size_t>(std::countr_zero(places));
      if (text.substr(at, kNeedle.size()) == kNeedle) return at;
    }
  }
#endif
  return text.find(kNeedle, position);
}

// How many bytes of the needle `text` ends with, when the whole needle is not in it.
std::size_t unfinished_match(std::string_view text) {
  for (std::size_t size = std::min(kNeedle.size() - 1, text.size()); size > 0; --size) {
    // Compared only where it can begin: this is asked of each piece.
    if (text[text.size() - size] == kNeedle[0] && text.ends_with(kNeedle.substr(0, size)))
      return size;
  }
  return 0;
}

bool is_white_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

void UsageScanner::feed(std::string_view payload) {
  std::size_t position = 0;
  while (position < payload.size()) {
    switch (state_) {
      case State::kSearching:
        position = search(payload, position);
        break;
      case State::kBeforeColon:
      case State::kBeforeObject:
        position = expect_object(payload, position);
        break;
      case State::kInObject:
        position = read_object(payload, position);
        break;
    }
  }
}

std::optional<Usage> UsageScanner::usage() const {
  if (!found_) return std::nullopt;
  return usage_;
}

// Each of the next three takes bytes from `position` on and returns where to go on.

std::size_t UsageScanner::search(std::string_view payload, std::size_t position) {
  if (matched_ > 0) {
    if (payload[position] != kNeedle[matched_]) {
      matched_ = 0;  // The needle's first byte comes again only at its end, so start anew here.
      return position;
    }
    ++matched_;
    ++position;
  } else {
    const std::size_t found = find_needle(payload, position);
    matched_ = found == std::string_view::npos ? unfinished_match(payload.substr(position))
                                               : kNeedle.size();
    position = found == std::string_view::npos ? payload.size() : found + kNeedle.size();
  }
  if (matched_ == kNeedle.size()) {
    matched_ = 0;
    state_ = State::kBeforeColon;
  }
  return position;
}

std::size_t UsageScanner::expect_object(std::string_view payload, std::size_t position) {
  const char c = payload[position];
  if (is_white_space(c)) return position + 1;
  if (state_ == State::kBeforeColon && c == ':') {
    state_ = State::kBeforeObject;
    return position + 1;
  }
  if (state_ == State::kBeforeObject && c == '{') {
    open_object();
    return position + 1;
  }
  state_ = State::kSearching;
  return position;
}

std::size_t UsageScanner::read_object(std::string_view payload, std::size_t position) {
  while (position < payload.size() && state_ == State::kInObject) {
    const std::size_t from = position;
    if (in_string_) {
      const std::size_t room = kObjectBytesMax + 1 - object_bytes_;
      position = read_string(payload.substr(0, from + room), from);
    } else {
      read_byte(payload[position++]);
    }
    object_bytes_ += position - from;
    if (object_bytes_ > kObjectBytesMax) state_ = State::kSearching;
  }
  return position;
}

/// Takes what there is of a string, its last quote included; returns where to go on.
std::size_t UsageScanner::read_string(std::string_view payload, std::size_t position) {
  std::size_t end = position;
  for (; end < payload.size() && in_string_; ++end) {
    in_string_ = payload[end] != '"' || escaped_;
    escaped_ = payload[end] == '\\' && !escaped_;
  }
  const std::string_view text = payload.substr(position, end - position - (in_string_ ? 0 : 1));
  if (key_size_ < key_.size())
    text.copy(key_.data() + key_size_, std::min(text.size(), key_.size() - key_size_));
  // One byte more than fits marks the key as too long.
  key_size_ = std::min(key_size_ + text.size(), key_.size() + 1);
  return end;
}

void UsageScanner::read_byte(char c) {
  switch (c) {
    case '"':
      in_string_ = true;
      key_size_ = 0;
      return;
    case '{':
    case '[':
      ++depth_;
      key_size_ = 0;  // The elements of an array have no key.
      return;
    case ',':
      end_value();
      return;
    case '}':
    case ']':
      end_value();
      if (--depth_ == 0) close_object();
      return;
    default:
      break;
  }
  if (c >= '0' && c <= '9') {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    // A count that does not fit is no count.
    is_count_ = is_count_ && number_ <= (std::numeric_limits<std::uint64_t>::max() - digit) / 10;
    number_ = number_ * 10 + digit;
    has_digits_ = true;
  } else if (c != ':' && !is_white_space(c)) {
    is_count_ = false;  // A sign, a fraction, null.
  }
}

void UsageScanner::open_object() {
  state_ = State::kInObject;
  object_ = usage_;
  object_has_counts_ = false;
  in_string_ = escaped_ = has_digits_ = false;
  is_count_ = true;
  number_ = 0;
  depth_ = 1;
  object_bytes_ = 0;
  key_size_ = 0;
}

void UsageScanner::end_value() {
  if (has_digits_ && is_count_ && key_size_ <= key_.size()) {
    const std::string_view key(key_.data(), key_size_);
    std::uint64_t* count = nullptr;
    if (depth_ == 1) {
      if (key == "prompt_tokens" || key == "input_tokens") {
        count = &object_.prompt_tokens;
      } else if (key == "completion_tokens" || key == "output_tokens") {
        count = &object_.completion_tokens;
      } else if (key == "cache_read_input_tokens") {
        count = &object_.cached_tokens;
      }
    } else if (depth_ == 2 && key == "cached_tokens") {
      count = &object_.cached_tokens;  // In prompt_tokens_details or input_tokens_details.
    }
    if (count != nullptr) {
      *count = number_;
      object_has_counts_ = true;
    }
  }
  has_digits_ = false;
  is_count_ = true;
  number_ = 0;
  key_size_ = 0;
}

void UsageScanner::close_object() {
  state_ = State::kSearching;
  if (!object_has_counts_) return;
  usage_ = object_;
  found_ = true;
}

}  // namespace olla::openai
