#include "sim/output_parser.h"

#include <algorithm>
#include <utility>

namespace olla::sim {
namespace {

constexpr std::string_view kThink = "<think>";
constexpr std::string_view kThinkEnd = "</think>";
constexpr std::string_view kCall = "<tool_call>";
constexpr std::string_view kCallEnd = "</tool_call>";
constexpr std::string_view kSpace = " \t\r\n";

bool is_space(char c) {
  return kSpace.find(c) != std::string_view::npos;
}

/// How many bytes at the end of `text` may be the beginning of `mark`.
std::size_t partial(std::string_view text, std::string_view mark) {
  std::size_t size = std::min(text.size(), mark.size() - 1);
  while (size > 0 && !mark.starts_with(text.substr(text.size() - size))) {
    --size;
  }
  return size;
}

/// Where the value of a member begins, or npos while it is not there yet.
std::size_t value_of(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return at;
  const std::size_t colon = text.find_first_not_of(kSpace, at + key.size());
  if (colon == std::string_view::npos || text[colon] != ':') return std::string_view::npos;
  return text.find_first_not_of(kSpace, colon + 1);
}

}  // namespace

OutputParser::OutputParser(const Rules& rules)
    : rules_(rules), state_(rules.reasoning ? State::kOpening : State::kContent) {}

std::vector<OutputParser::Part> OutputParser::feed(std::string_view text, bool finished) {
  parts_.clear();
  pending_ += text;
  if (state_ >= State::kContent) unparsed_ += text;
  while (step(finished)) {
  }
  if (finished && state_ > State::kContent) cut_ = true;
  return std::move(parts_);
}

bool OutputParser::step(bool finished) {
  switch (state_) {
    case State::kOpening:
      return step_opening(finished);
    case State::kReasoning:
      return step_reasoning(finished);
    case State::kContent:
      return step_content(finished);
    case State::kHead:
      return step_head();
    case State::kArguments:
      return step_arguments();
    case State::kTail:
      break;
  }
  return step_tail();
}

bool OutputParser::step_opening(bool finished) {
  const bool thinks = pending_.starts_with(kThink);
  if (!thinks && !finished && kThink.starts_with(pending_)) return false;
  if (thinks) pending_.erase(0, kThink.size());
  state_ = State::kReasoning;
  return true;
}

bool OutputParser::step_reasoning(bool finished) {
  const std::size_t end = pending_.find(kThinkEnd);
  const std::size_t call = pending_.find(kCall);
  // In a stream only a call at the very beginning ends the thoughts.
  const std::string opening = pending_.substr(0, kCall.size());
  const bool may_call = !rules_.streamed || (reasoning_.empty() && kCall.starts_with(opening));
  const std::size_t at = may_call ? std::min(end, call) : end;
  if (at == std::string::npos) {
    const std::string_view next = may_call && partial(pending_, kCall) > 0 ? kCall : kThinkEnd;
    emit_until_mark(Part::Kind::kReasoning, next, finished);
    return false;
  }
  emit(Part::Kind::kReasoning, std::string_view(pending_).substr(0, at));
  pending_.erase(0, at == end ? at + kThinkEnd.size() : at);
  unparsed_ = pending_;
  state_ = State::kContent;
  return true;
}

bool OutputParser::step_content(bool finished) {
  const std::size_t call = rules_.tools ? pending_.find(kCall) : std::string::npos;
  if (call == std::string::npos) {
    emit_until_mark(Part::Kind::kContent, rules_.tools ? kCall : std::string_view(), finished);
    return false;
  }
  emit(Part::Kind::kContent, std::string_view(pending_).substr(0, call));
  pending_.erase(0, call + kCall.size());
  named_ = false;
  state_ = State::kHead;
  return true;
}

/// Reads `{"name": "...", "arguments":` up to the first byte of the arguments.
bool OutputParser::step_head() {
  const std::size_t name = value_of(pending_, "\"name\"");
  if (!named_ && name != std::string::npos && pending_[name] == '"') {
    const std::size_t end = pending_.find('"', name + 1);
    if (end == std::string::npos) return false;
    named_ = true;
    calls_.push_back({{}, pending_.substr(name + 1, end - name - 1), {}});
    parts_.push_back({Part::Kind::kCall, calls_.back().name, calls_.size() - 1});
  }
  const std::size_t arguments = value_of(pending_, "\"arguments\"");
  if (named_ && arguments != std::string::npos) {
    pending_.erase(0, arguments);
    depth_ = 0;
    state_ = State::kArguments;
    return true;
  }
  if (pending_.find(kCallEnd) == std::string::npos) return false;
  state_ = State::kTail;
  return true;
}

/// Takes the object of the arguments as far as it is there. Spaces wait for what follows them.
bool OutputParser::step_arguments() {
  std::size_t taken = 0;
  bool ended = false;
  for (std::size_t i = 0; i < pending_.size() && !ended; ++i) {
    const char c = pending_[i];
    if (in_string_) {
      in_string_ = escaped_ || c != '"';
      escaped_ = !escaped_ && c == '\\';
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if ((c == '}' || c == ']') && depth_ > 0) {
      --depth_;
    }
    ended = depth_ == 0;
    taken = i + 1;
  }
  std::size_t shown = taken;
  while (!ended && !in_string_ && shown > 0 && is_space(pending_[shown - 1])) {
    --shown;
  }
  emit(Part::Kind::kArguments, std::string_view(pending_).substr(0, shown));
  pending_.erase(0, shown);
  if (ended) state_ = State::kTail;
  return ended;
}

bool OutputParser::step_tail() {
  const std::size_t end = pending_.find(kCallEnd);
  if (end == std::string::npos) return false;
  pending_.erase(0, end + kCallEnd.size());
  state_ = State::kContent;
  return true;
}

void OutputParser::emit_until_mark(Part::Kind kind, std::string_view mark, bool finished) {
  const std::size_t held = finished || mark.empty() ? 0 : partial(pending_, mark);
  emit(kind, std::string_view(pending_).substr(0, pending_.size() - held));
  pending_.erase(0, pending_.size() - held);
}

void OutputParser::emit(Part::Kind kind, std::string_view text) {
  if (text.empty()) return;
  // What stands between and behind calls is nobody's.
  if (kind == Part::Kind::kContent && !calls_.empty()) return;
  std::string& all = kind == Part::Kind::kReasoning ? reasoning_
                     : kind == Part::Kind::kContent ? content_
                                                    : calls_.back().arguments;
  all += text;
  const std::size_t call = kind == Part::Kind::kArguments ? calls_.size() - 1 : 0;
  parts_.push_back({kind, std::string(text), call});
}

}  // namespace olla::sim
