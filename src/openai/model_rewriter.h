#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace olla::openai {

/// Puts another name into the member "model" of an answer while its bytes pass: that of the
/// document, or of each event's data, and that of the `message` or `response` in them, as the
/// Messages API and the Responses API have it. A value that is no string stays, and so does
/// everything else, byte for byte. Keys that are written with escapes are not looked for: no server
/// writes them so.
///
/// Holds under 100 bytes beside the name, whatever it is fed. Not thread-safe; one per answer.
class ModelRewriter {
 public:
  /// `event_stream`: the answer consists of server-sent events, and not of one JSON document.
  ModelRewriter(std::string_view name, bool event_stream);

  /// Appends the next bytes of the payload (transfer coding taken off), cut anywhere.
  void feed(std::string_view payload, std::string& out);

 private:
  enum class Line : std::uint8_t { kStart, kData, kOther };
  enum class Key : std::uint8_t { kOther, kModel, kWrapper };

  void begin_line();
  void read_line_start(char c);
  [[nodiscard]] bool begins_name(char c) const;
  void read_token(char c);
  void read_string_byte(char c);
  void end_key();
  [[nodiscard]] bool is_watched() const {
    return (depth_ == 1 && top_is_object_) || (depth_ == 2 && in_wrapper_);
  }

  static constexpr std::size_t kKeyBytes = 8;  // The longest that matters is "response".

  const std::string name_;  // As a JSON string.
  const bool event_stream_;
  Line line_ = Line::kStart;
  std::size_t line_matched_ = 0;  // Bytes of "data:" at the start of the line.

  std::size_t depth_ = 0;
  bool top_is_object_ = false;
  bool in_wrapper_ = false;  // The object of depth 2 is one of those with a model.
  bool expects_key_ = false;
  bool after_colon_ = false;
  bool in_string_ = false;
  bool in_key_ = false;
  bool dropping_ = false;  // The string is the old name.
  bool escaped_ = false;
  Key key_ = Key::kOther;  // The last one that was read.
  std::array<char, kKeyBytes> key_text_{};
  std::size_t key_size_ = 0;
};

}  // namespace olla::openai
