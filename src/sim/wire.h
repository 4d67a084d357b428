#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/answer.h"

/// Answers as bytes, in the manner of uvicorn: names in lower case, the date first.
namespace olla::sim {

struct HeadOptions {
  std::int64_t unix_seconds = 0;
  bool close = false;  ///< Says `connection: close`.
};

/// The head of a complete answer, with the empty line that ends it.
std::string answer_head(const Answer& answer, const HeadOptions& options);

/// The header fields of a stream of events, but for the transfer coding.
HeaderFields stream_fields(Dialect dialect);

/// The head of a 200 in chunked coding.
std::string stream_head(const HeaderFields& fields, const HeadOptions& options);

/// `payload` as one chunk: size in hexadecimal, CRLF, payload, CRLF.
std::string chunk(std::string_view payload);

constexpr std::string_view kLastChunk = "0\r\n\r\n";

/// The answer to a WebSocket that asks to be let in, by another part of the real server than the
/// other answers. It always closes.
std::string websocket_refusal(std::int64_t unix_seconds);

/// The answer to bytes that are no HTTP/1.1 request. It always closes.
std::string invalid_request(std::int64_t unix_seconds);

}  // namespace olla::sim
