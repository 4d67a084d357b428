#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace olla::sse {

/// Knows whether a stream of server-sent events (WHATWG HTML, section 9.2) stands between two
/// events, where one more may be put in without breaking the one before it.
///
/// The proxy relays the bytes unchanged and shows them to this class. Not thread-safe; one per
/// response.
class EventTail {
 public:
  /// The next bytes of the payload (transfer coding taken off), cut anywhere. Constant time: only
  /// the end is looked at.
  void feed(std::string_view payload);

  /// True before the first byte, and when the last line was blank. Lines may end in LF, CRLF or CR.
  [[nodiscard]] bool at_boundary() const;

 private:
  // A blank line and the end of the line before it are four bytes at most: CR LF CR LF.
  static constexpr std::size_t kTailBytes = 4;

  std::array<char, kTailBytes> tail_{};
  std::size_t size_ = 0;
};

/// An event with `json_object`, which must have no line breaks, as its data; `type` may be empty,
/// for the default type.
[[nodiscard]] std::string error_event(std::string_view json_object, std::string_view type = {});

}  // namespace olla::sse
