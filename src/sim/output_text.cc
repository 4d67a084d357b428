#include "sim/output_text.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace olla::sim {
namespace {

/// How many bytes at the end of `text` begin a character of UTF-8 that is not there whole.
std::size_t unfinished_character(std::string_view text) {
  const std::size_t longest = std::min<std::size_t>(text.size(), 3);
  for (std::size_t size = 1; size <= longest; ++size) {
    const auto byte = static_cast<std::uint8_t>(text[text.size() - size]);
    if (byte < 0x80) return 0;
    if (byte < 0xC0) continue;
    const std::size_t wanted = byte < 0xE0 ? 2 : (byte < 0xF0 ? 3 : 4);
    return size < wanted ? size : 0;
  }
  return 0;
}

}  // namespace

OutputText::OutputText(std::vector<std::string> stop, bool include_stop)
    : stop_(std::move(stop)), include_stop_(include_stop) {
  if (include_stop_) return;
  for (const std::string& text : stop_) {
    held_back_ = std::max(held_back_, text.size() - 1);
  }
}

std::optional<std::string> OutputText::add(std::string_view piece, bool may_stop) {
  const std::size_t old_size = text_.size();
  text_ += piece;
  if (!may_stop) return std::nullopt;
  // The first string in the request's order wins, even if another one begins earlier.
  for (const std::string& stop : stop_) {
    const std::size_t from = old_size < stop.size() ? 0 : old_size - stop.size() + 1;
    const std::size_t at = text_.find(stop, from);
    if (at == std::string::npos) continue;
    text_.resize(include_stop_ ? at + stop.size() : at);
    return stop;
  }
  return std::nullopt;
}

std::string_view OutputText::take(bool finished) {
  const std::size_t held = finished ? 0 : held_back_;
  std::size_t end = std::max(text_.size(), held) - held;
  if (!finished) end -= unfinished_character(std::string_view(text_).substr(0, end));
  if (end <= taken_) return {};
  const std::string_view part = std::string_view(text_).substr(taken_, end - taken_);
  taken_ = end;
  return part;
}

}  // namespace olla::sim
