#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace olla::bench {

/// The field of a request that tells the upstream what to answer: "EVENTS GAP_US" for a stream of
/// that many events, so many microseconds apart, 0: as fast as they are taken. Without the field
/// the answer is one document.
inline constexpr std::string_view kWishField = "x-bench";

/// What precedes the time of sending in each event: 19 digits, nanoseconds of the monotonic clock.
inline constexpr std::string_view kSentMark = "\"sent\":";
inline constexpr std::size_t kSentDigits = 19;

/// One event of a stream as vLLM's server writes it, a chunk of its own, with the time in it. The
/// text is made once; only the digits change.
class EventText {
 public:
  EventText();
  /// Good until the next call.
  [[nodiscard]] std::string_view at(std::int64_t now);

 private:
  std::string text_;
  std::size_t digits_at_;
};

/// The times of sending in what was read of a stream, wherever the reads cut it.
class SentTimes {
 public:
  /// Takes the next bytes. The times in them come out of next().
  void feed(std::string_view bytes);
  [[nodiscard]] std::optional<std::int64_t> next();
  /// What is left behind the last time, at least the end of what was fed.
  [[nodiscard]] std::string_view rest() const { return std::string_view(text_).substr(at_); }
  void reset();

 private:
  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace olla::bench
