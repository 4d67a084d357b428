#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "openai/usage.h"

// However the payload is cut, the counts are those of the payload in one piece. The first byte
// says how long the pieces are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] % 40;
  const std::string_view payload(reinterpret_cast<const char*>(data) + 1, size - 1);
  olla::openai::UsageScanner whole;
  whole.feed(payload);
  olla::openai::UsageScanner pieces;
  for (std::size_t at = 0; at < payload.size(); at += piece)
    pieces.feed(payload.substr(at, piece));
  OLLA_CHECK(whole.usage() == pieces.usage());
  return 0;
}
