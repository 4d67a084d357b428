#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "sse/tail.h"

namespace {

// The same answer in the plainest way: reads line by line from the start.
bool last_line_is_blank(std::string_view stream) {
  bool blank = true;  // Before the first line nothing is open.
  std::size_t line_bytes = 0;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    if (stream[i] != '\n' && stream[i] != '\r') {
      ++line_bytes;
      blank = false;
      continue;
    }
    if (stream[i] == '\r' && i + 1 < stream.size() && stream[i + 1] == '\n') ++i;
    blank = line_bytes == 0;
    line_bytes = 0;
  }
  return blank;
}

}  // namespace

// The first byte says how long the pieces are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] % 8;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  olla::sse::EventTail tail;
  for (std::size_t at = 0; at < stream.size(); at += piece)
    tail.feed(stream.substr(at, piece));
  OLLA_CHECK(tail.at_boundary() == last_line_is_blank(stream));
  return 0;
}
