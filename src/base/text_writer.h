#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace olla {

/// Writes pieces of text behind what a string holds. Not by append(): each would look at the
/// capacity anew, and a head or a log line is sixty pieces.
class TextWriter {
 public:
  /// `out` must outlive the writer, and is valid again when that is gone. `room`: about as much as
  /// will be written.
  TextWriter(std::string& out, std::size_t room) : out_(out), end_(out.size()) {
    out_.resize(end_ + room);
  }
  ~TextWriter() { out_.resize(end_); }
  TextWriter(const TextWriter&) = delete;
  TextWriter& operator=(const TextWriter&) = delete;

  TextWriter& text(std::string_view text) {
    end_ += text.copy(take(text.size()), text.size());
    return *this;
  }

  /// A literal: its size is known, and it is copied without a call.
  template <std::size_t N>
  TextWriter& text(const char (&literal)[N]) {
    std::memcpy(take(N - 1), literal, N - 1);
    end_ += N - 1;
    return *this;
  }

  TextWriter& character(char c) {
    *take(1) = c;
    ++end_;
    return *this;
  }

  TextWriter& number(std::uint64_t value) {
    std::array<char, 20> digits;
    const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return text(std::string_view(digits.data(), end));
  }

 protected:
  /// Where `bytes` may be written; advance() has to follow.
  char* take(std::size_t bytes) {
    if (out_.size() - end_ < bytes) out_.resize(2 * (out_.size() + bytes));
    return out_.data() + end_;
  }
  void advance(std::size_t bytes) { end_ += bytes; }

 private:
  std::string& out_;
  std::size_t end_;  // Of what is written.
};

}  // namespace olla
