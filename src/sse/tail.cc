#include "sse/tail.h"

#include <algorithm>

namespace olla::sse {
namespace {

// Takes the line end off the end of `text`; false when there is none.
bool remove_line_end(std::string_view& text) {
  if (text.ends_with("\r\n")) {
    text.remove_suffix(2);
  } else if (text.ends_with('\n') || text.ends_with('\r')) {
    text.remove_suffix(1);
  } else {
    return false;
  }
  return true;
}

}  // namespace

void EventTail::feed(std::string_view payload) {
  const std::string_view last =
      payload.substr(payload.size() - std::min(payload.size(), kTailBytes));
  const std::size_t kept = std::min(size_, kTailBytes - last.size());
  std::copy(tail_.begin() + static_cast<std::ptrdiff_t>(size_ - kept),
            tail_.begin() + static_cast<std::ptrdiff_t>(size_), tail_.begin());
  std::copy(last.begin(), last.end(), tail_.begin() + static_cast<std::ptrdiff_t>(kept));
  size_ = kept + last.size();
}

bool EventTail::at_boundary() const {
  std::string_view rest(tail_.data(), size_);
  if (rest.empty()) return true;
  // With nothing before it, a line end makes the first line of the stream a blank one.
  return remove_line_end(rest) && (rest.empty() || remove_line_end(rest));
}

std::string error_event(std::string_view json_object, std::string_view type) {
  std::string event;
  if (!type.empty()) event.append("event: ").append(type).append("\n");
  event += "data: ";
  event += json_object;
  event += "\n\n";
  return event;
}

}  // namespace olla::sse
