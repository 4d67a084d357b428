#include "vllm/error_event.h"

#include <algorithm>

namespace olla::vllm {
namespace {

constexpr std::string_view kData = "data: {\"error\"";
constexpr std::string_view kEvent = "event: error";

/// Whether `piece` goes on as `wanted` does behind its first `seen` bytes.
bool continues(std::string_view wanted, std::size_t seen, std::string_view piece) {
  if (seen >= wanted.size()) return true;
  const std::string_view rest = wanted.substr(seen);
  const std::size_t size = std::min(rest.size(), piece.size());
  return rest.substr(0, size) == piece.substr(0, size);
}

}  // namespace

void ErrorEventScanner::feed(std::string_view payload) {
  while (!found_ && !payload.empty()) {
    const std::size_t end = payload.find('\n');
    feed_line(payload.substr(0, end));
    if (end == std::string_view::npos) return;
    payload.remove_prefix(end + 1);
    line_bytes_ = 0;
    may_be_data_ = may_be_event_ = true;
  }
}

void ErrorEventScanner::feed_line(std::string_view piece) {
  if (!may_be_data_ && !may_be_event_) return;
  may_be_data_ = may_be_data_ && continues(kData, line_bytes_, piece);
  may_be_event_ = may_be_event_ && continues(kEvent, line_bytes_, piece);
  line_bytes_ += piece.size();
  found_ = (may_be_data_ && line_bytes_ >= kData.size()) ||
           (may_be_event_ && line_bytes_ >= kEvent.size());
}

}  // namespace olla::vllm
