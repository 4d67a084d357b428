#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "sim/trace.h"

// Whatever a trace says, its rows are in order and fit the context.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMaxModelLen = 4096;
  const auto rows =
      olla::sim::parse_trace({reinterpret_cast<const char*>(data), size}, kMaxModelLen);
  if (!rows) {
    OLLA_CHECK(!rows.error().detail.empty());
    return 0;
  }
  olla::Duration before{};
  for (const olla::sim::engine::ReplayRow& row : *rows) {
    const auto& request = row.request;
    OLLA_CHECK(row.send >= before);
    OLLA_CHECK(request.prompt.tokens >= 1 && request.tokens_max >= 1);
    OLLA_CHECK(request.prompt.tokens + request.tokens_max <= kMaxModelLen);
    before = row.send;
  }
  return 0;
}
