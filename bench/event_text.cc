#include "bench/event_text.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace olla::bench {
namespace {

// A token of vLLM 0.32, with a member more.
constexpr std::string_view kEvent =
    R"(data: {"id":"chatcmpl-5c2a9b7e4d3f4f0d8a6b1c2d3e4f5061","object":"chat.completion.chunk",)"
    R"("created":1700000000,"model":"bench-model","choices":[{"index":0,"delta":{"content":)"
    R"(" token"},"logprobs":null,"finish_reason":null,"token_ids":null}],"sent":)";

// A mark, its digits, and the end of a chunked body.
constexpr std::size_t kKeptBytes = kSentMark.size() + kSentDigits;

}  // namespace

EventText::EventText() {
  const std::string event = std::string(kEvent).append(kSentDigits, '0').append("}\n\n");
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", event.size());
  text_ = size + event + "\r\n";
  digits_at_ = std::strlen(size) + kEvent.size();
}

std::string_view EventText::at(std::int64_t now) {
  char* digit = text_.data() + digits_at_ + kSentDigits;
  for (std::size_t i = 0; i < kSentDigits; ++i) {
    *--digit = static_cast<char>('0' + now % 10);
    now /= 10;
  }
  return text_;
}

void SentTimes::feed(std::string_view bytes) {
  // Nothing but the start of a mark can matter of what was searched.
  const std::size_t left = text_.size() - at_;
  text_.erase(0, left > kKeptBytes ? text_.size() - kKeptBytes : at_);
  at_ = 0;
  text_.append(bytes);
}

std::optional<std::int64_t> SentTimes::next() {
  const std::size_t mark = text_.find(kSentMark, at_);
  if (mark == std::string::npos) return std::nullopt;
  const std::size_t digits = mark + kSentMark.size();
  if (text_.size() < digits + kSentDigits) return std::nullopt;
  at_ = digits + kSentDigits;
  std::int64_t time = 0;
  std::from_chars(text_.data() + digits, text_.data() + at_, time);
  return time;
}

void SentTimes::reset() {
  text_.clear();
  at_ = 0;
}

}  // namespace olla::bench
