#include "http/body.h"

#include <algorithm>

namespace olla::http {
namespace {

// Chunk extensions mean nothing to a proxy; a line of them longer than this is an attack.
constexpr std::uint32_t kMaxChunkLineBytes = 4096;

// 15 hexadecimal digits: over a petabyte, and far from overflow.
constexpr std::uint64_t kMaxChunkBytes = (std::uint64_t{1} << 60) - 1;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

BodyScanner::BodyScanner(Framing framing, std::uint64_t content_length) : framing_(framing) {
  if (framing == Framing::kLength) remaining_ = content_length;
  if (framing == Framing::kNone || (framing == Framing::kLength && content_length == 0)) {
    state_ = State::kDone;
  }
}

BodyScanner::Step BodyScanner::next(std::string_view bytes) {
  if (state_ != State::kMore || bytes.empty()) return {};
  if (framing_ == Framing::kUntilClose) return {bytes.size(), bytes};
  if (framing_ == Framing::kLength) {
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
    remaining_ -= taken;
    if (remaining_ == 0) state_ = State::kDone;
    return {taken, bytes.substr(0, taken)};
  }
  if (at_ == At::kData) {
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
    remaining_ -= taken;
    if (remaining_ == 0) at_ = At::kDataCr;
    return {taken, bytes.substr(0, taken)};
  }
  return {scan_chunk_line(bytes), {}};
}

std::size_t BodyScanner::scan_chunk_line(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && state_ == State::kMore && at_ != At::kData) {
    if (!take_line_byte(bytes[taken])) {
      state_ = State::kMalformed;
      return taken;
    }
    ++taken;
  }
  return taken;
}

bool BodyScanner::take_line_byte(char c) {
  switch (at_) {
    case At::kSize: {
      if (++line_bytes_ > kMaxChunkLineBytes) return false;
      const int digit = hex_digit(c);
      if (digit >= 0) {
        any_digit_ = true;
        remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
        return remaining_ <= kMaxChunkBytes;
      }
      if (!any_digit_) return false;
      if (c == '\r') {
        at_ = At::kSizeLf;
      } else if (c == ';') {
        at_ = At::kExtension;
      } else {
        return false;
      }
      return true;
    }
    case At::kExtension:
      if (++line_bytes_ > kMaxChunkLineBytes) return false;
      if (c == '\r') {
        at_ = At::kSizeLf;
        return true;
      }
      return is_field_value(std::string_view(&c, 1));
    case At::kSizeLf:
      if (c != '\n') return false;
      line_bytes_ = 0;
      any_digit_ = false;
      if (remaining_ == 0) {
        at_ = At::kSize;
        state_ = State::kTrailers;
      } else {
        at_ = At::kData;
      }
      return true;
    case At::kDataCr:
      at_ = At::kDataLf;
      return c == '\r';
    case At::kDataLf:
      at_ = At::kSize;
      return c == '\n';
    case At::kData:
      break;
  }
  return false;
}

bool BodyScanner::finish_at_close() {
  if (framing_ == Framing::kUntilClose) state_ = State::kDone;
  return state_ == State::kDone;
}

}  // namespace olla::http
