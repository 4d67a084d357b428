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
  Dialect dialect = Dialect::kNew;
};

/// The head of a complete answer, with the empty line that ends it.
std::string answer_head(const Answer& answer, const HeadOptions& options);

/// The head of a stream of events, in chunked coding.
std::string stream_head(const HeadOptions& options);

/// `payload` as one chunk: size in hexadecimal, CRLF, payload, CRLF.
std::string chunk(std::string_view payload);

constexpr std::string_view kLastChunk = "0\r\n\r\n";

/// The answer to bytes that are no HTTP/1.1 request. It always closes.
std::string invalid_request(std::int64_t unix_seconds);

}  // namespace olla::sim
