#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/head.h"

namespace olla::http {

/// Follows the framing of one body (RFC 9112, sections 6 and 7) through bytes cut anywhere.
///
/// It copies nothing: the relay sends the raw bytes on as they came and looks at the payload on the
/// way; the request reader keeps the payload. One per body.
class BodyScanner {
 public:
  enum class State : std::uint8_t {
    kMore,       ///< More bytes are needed.
    kTrailers,   ///< The last chunk's line is over; a trailer section follows.
    kDone,       ///< The body is complete.
    kMalformed,  ///< The chunked framing is broken; nothing after it can be trusted.
  };

  /// What one step took from the front of the bytes.
  struct Step {
    std::size_t consumed = 0;  ///< Bytes taken, framing included. 0: nothing more to take now.
    std::string_view payload;  ///< The part of them that is the body's own.
  };

  /// `content_length` counts with Framing::kLength only.
  BodyScanner(Framing framing, std::uint64_t content_length);

  /// Takes one step; call again with the rest until it consumes nothing. Never consumes past the
  /// end of the body, nor any byte of the trailer section.
  Step next(std::string_view bytes);

  /// The peer closed its side: true when that is the right end for this framing.
  bool finish_at_close();

  [[nodiscard]] State state() const { return state_; }
  /// True between two chunks: here another chunk may be put in.
  [[nodiscard]] bool between_chunks() const { return at_ == At::kSize && !any_digit_; }

 private:
  enum class At : std::uint8_t { kSize, kExtension, kSizeLf, kData, kDataCr, kDataLf };

  std::size_t scan_chunk_line(std::string_view bytes);
  bool take_line_byte(char c);

  Framing framing_;
  State state_ = State::kMore;
  At at_ = At::kSize;
  bool any_digit_ = false;
  std::uint32_t line_bytes_ = 0;  // Length of the current chunk line.
  std::uint64_t remaining_ = 0;   // Payload bytes until the end of the chunk or of the body.
};

}  // namespace olla::http
