#include "openai/model_rewriter.h"

#include <algorithm>

#include "openai/request.h"

namespace olla::openai {
namespace {

constexpr std::string_view kDataPrefix = "data:";

}  // namespace

ModelRewriter::ModelRewriter(std::string_view name, bool event_stream)
    : name_(json_quoted(name)), event_stream_(event_stream) {
  if (!event_stream_) line_ = Line::kData;
}

void ModelRewriter::feed(std::string_view payload, std::string& out) {
  std::size_t kept_from = 0;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    const char c = payload[i];
    const bool ends_line = event_stream_ && (c == '\n' || c == '\r');
    if (dropping_ && !ends_line) {
      read_string_byte(c);
      kept_from = i + 1;
      continue;
    }
    if (dropping_) kept_from = i;
    if (ends_line) {
      begin_line();
    } else if (begins_name(c)) {
      out.append(payload.substr(kept_from, i - kept_from)).append(name_);
      kept_from = i + 1;
      read_token(c);
      dropping_ = true;
    } else if (line_ == Line::kData) {
      in_string_ ? read_string_byte(c) : read_token(c);
    } else if (line_ == Line::kStart) {
      read_line_start(c);
    }
  }
  out.append(payload.substr(std::min(kept_from, payload.size())));
}

/// Each event's data is a document of its own.
void ModelRewriter::begin_line() {
  line_ = Line::kStart;
  line_matched_ = 0;
  depth_ = 0;
  in_string_ = in_key_ = dropping_ = escaped_ = false;
  expects_key_ = after_colon_ = false;
}

void ModelRewriter::read_line_start(char c) {
  if (c != kDataPrefix[line_matched_]) {
    line_ = Line::kOther;
  } else if (++line_matched_ == kDataPrefix.size()) {
    line_ = Line::kData;
  }
}

/// Whether the byte is the quote with which the name of a model begins.
bool ModelRewriter::begins_name(char c) const {
  return c == '"' && line_ == Line::kData && !in_string_ && after_colon_ && key_ == Key::kModel &&
         is_watched();
}

/// Takes in a byte that stands in no string.
void ModelRewriter::read_token(char c) {
  switch (c) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
      return;
    case ':':
      after_colon_ = true;
      return;
    case ',':
      expects_key_ = true;
      break;
    case '"':
      in_string_ = true;
      in_key_ = expects_key_ && is_watched();
      key_size_ = 0;
      expects_key_ = false;
      break;
    case '{':
    case '[':
      ++depth_;
      if (depth_ == 1) top_is_object_ = c == '{';
      if (depth_ == 2)
        in_wrapper_ = c == '{' && top_is_object_ && after_colon_ && key_ == Key::kWrapper;
      expects_key_ = c == '{';
      break;
    case '}':
    case ']':
      if (depth_ > 0) --depth_;
      expects_key_ = false;
      break;
    default:
      break;
  }
  after_colon_ = false;
}

void ModelRewriter::read_string_byte(char c) {
  if (escaped_) {
    escaped_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    in_string_ = dropping_ = false;
    if (in_key_) end_key();
    return;
  }
  if (!in_key_) return;
  if (key_size_ < kKeyBytes) key_text_[key_size_] = c;
  key_size_ = std::min(key_size_ + 1, kKeyBytes + 1);  // One more: longer than all that matter.
}

void ModelRewriter::end_key() {
  in_key_ = false;
  key_ = Key::kOther;
  if (key_size_ > kKeyBytes) return;
  const std::string_view key(key_text_.data(), key_size_);
  if (key == "model") key_ = Key::kModel;
  if (key == "message" || key == "response") key_ = Key::kWrapper;
}

}  // namespace olla::openai
