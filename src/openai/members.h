#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace olla::openai {

/// One member of a JSON object, as it stands in the text.
struct Member {
  std::string_view key;    ///< Between the quotes, escapes not decoded.
  std::string_view value;  ///< The JSON text of the value, quotes and brackets included.
};

/// The keys of an object as far as 64 bits can tell them apart: to know without a second look at a
/// prompt of a megabyte that a member is not there.
class KeySet {
 public:
  /// `raw` is what stands between the key's quotes.
  void add(std::string_view raw) {
    // One with escapes may be any key.
    bits_ |= raw.find('\\') == std::string_view::npos ? bit_of(raw) : ~std::uint64_t{0};
  }
  /// False: no key that was added is `key`, also not one with escapes. True says nothing.
  [[nodiscard]] bool may_have(std::string_view key) const { return (bits_ & bit_of(key)) != 0; }

 private:
  static constexpr std::uint64_t bit_of(std::string_view key) {
    constexpr std::size_t kBits = 64;
    // With it no parameter that clients often send meets one that is looked for.
    constexpr std::size_t kSpread = 19;
    const std::size_t first = key.empty() ? 0 : static_cast<unsigned char>(key.front());
    return std::uint64_t{1} << (first + kSpread * key.size()) % kBits;
  }

  std::uint64_t bits_ = 0;
};

/// Walks the members of a JSON object at its top level, in place: nothing is built, nothing is
/// allocated, nothing recurses, and the time is linear, because a prompt may be 100 MB.
///
/// Values are skipped, not validated: a string ends at its first unescaped quote, an array or
/// object when as many brackets closed as opened (of whichever kind), anything else at the first
/// byte that a number or a word cannot have. What is wrong inside a value is for the backend to
/// judge. A UTF-8 byte order mark and white space in front of the object are skipped.
///
/// The views in a Member point into the text given, so their offsets can be used to edit it.
class MemberScanner {
 public:
  /// `json` must stay in place and alive while the scanner or a Member is used.
  explicit MemberScanner(std::string_view json) : json_(json) {}

  /// Puts the next member into `out`. False when there is none: see malformed(). `out` is then
  /// unspecified.
  bool next(Member& out);

  /// True after next() returned false because the text at top level is not a JSON object, is cut
  /// off, or goes on behind the object's end. The members seen until then were complete.
  [[nodiscard]] bool malformed() const { return state_ == State::kMalformed; }

 private:
  enum class State { kStart, kInside, kEnd, kMalformed };

  bool stop(State state);
  bool finish();

  std::string_view json_;
  std::size_t position_ = 0;
  State state_ = State::kStart;
};

/// Walks the elements of a JSON array in the same way: nothing is built, and values are skipped,
/// not validated.
class ElementScanner {
 public:
  /// `json` begins with a '[', and must stay in place and alive while the scanner or an element is
  /// used. What follows the array's end is not looked at.
  explicit ElementScanner(std::string_view json) : json_(json) {}

  /// Puts the JSON text of the next element into `out`. False when there is none: see malformed().
  bool next(std::string_view& out);

  /// True after next() returned false because the array is broken or cut off. The elements seen
  /// until then were complete.
  [[nodiscard]] bool malformed() const { return malformed_; }

 private:
  std::string_view json_;
  std::size_t position_ = 0;
  bool ended_ = false;
  bool malformed_ = false;
};

/// Length of a UTF-8 byte order mark at the start of `text`: 3 or 0.
[[nodiscard]] std::size_t byte_order_mark_size(std::string_view text);

/// First position at or after `position` that is not JSON white space; text.size() if there is
/// none.
[[nodiscard]] std::size_t skip_white_space(std::string_view text, std::size_t position);

/// How many elements the JSON array has that `json` begins with (a '['). Values are skipped as
/// MemberScanner skips them; of a broken array the elements before the break are counted.
[[nodiscard]] std::size_t count_elements(std::string_view json);

}  // namespace olla::openai
