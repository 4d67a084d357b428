#include "sim/generation.h"

#include <utility>

#include "base/check.h"
#include "sim/chat.h"
#include "sim/completions.h"
#include "sim/failure.h"
#include "sim/messages.h"
#include "sim/models.h"
#include "sim/responses.h"

namespace olla::sim {
namespace {

constexpr std::string_view kDone = "data: [DONE]\n\n";

/// Alternatives to tell beside the chosen token: it counts as one of those asked for in
/// completions, and as the first entry of top_logprobs in chats.
std::size_t alternatives(const Sampling& sampling) {
  const std::size_t wanted = sampling.logprobs.value_or(0);
  return wanted > 0 ? wanted - 1 : 0;
}

}  // namespace

Generation::Generation(Exchange exchange)
    : exchange_(std::move(exchange)), running_(exchange_.choices.size()) {}

std::optional<std::string> Generation::take_event() {
  if (events_.empty()) return std::nullopt;
  std::string event = std::move(events_.front());
  events_.pop_front();
  return event;
}

Answer Generation::answer() const {
  OLLA_CHECK(done());
  Answer answer = failed_ ? engine_dead_answer(exchange_.dialect) : json_answer(body());
  if (exchange_.kind == Kind::kMessage && failed_) answer = message_error(std::move(answer));
  adapt(answer, exchange_.dialect);
  return answer;
}

std::string Generation::body() const {
  switch (exchange_.kind) {
    case Kind::kChat:
      return chat_body(exchange_);
    case Kind::kCompletion:
      return completion_body(exchange_);
    case Kind::kMessage:
      return message_body(exchange_);
    case Kind::kResponse:
      break;
  }
  return response_body(exchange_, true);
}

bool Generation::add_token(std::size_t number, const TokenEvent& event) {
  Choice& choice = exchange_.choices[number];
  OLLA_CHECK(choice.finish_reason.empty());
  const Sampling& sampling = exchange_.sampling;
  if (sampling.logprobs) {
    choice.steps.push_back(
        make_logprobs(*exchange_.tokenizer, event.token, choice.tokens, alternatives(sampling)));
  }
  ++choice.tokens;
  choice.cached_tokens = event.cached_tokens;
  if (sampling.return_token_ids) choice.token_ids.push_back(event.token);
  if (ends_by_rule(event)) choice.stop_token = event.token;
  const auto tokens_min = static_cast<std::size_t>(sampling.tokens_min);
  if (has_text(choice, event.token)) {
    choice.stop_reason =
        choice.output.add(exchange_.tokenizer->text(event.token), choice.tokens > tokens_min);
  }
  if (choice.stop_reason) {
    choice.finish_reason = "stop";
  } else if (event.finish) {
    choice.finish_reason = *event.finish == FinishReason::kStop ? "stop" : "length";
  }
  count_thought(choice, event.token);
  finish_or_go_on(choice);
  return choice.stop_reason.has_value();
}

/// Whether the token is one of `stop_token_ids`, and not the one that ends every text.
bool Generation::ends_by_rule(const TokenEvent& event) const {
  const Sampling& sampling = exchange_.sampling;
  if (event.finish != FinishReason::kStop || !sampling.rules) return false;
  const bool own_end = event.token == Tokenizer::kTurnEnd && !sampling.ignore_end;
  return !own_end && sampling.rules->stop.contains(event.token);
}

/// Whether a token of the answer is seen in its text.
bool Generation::has_text(const Choice& choice, TokenId token) const {
  const Sampling& sampling = exchange_.sampling;
  if (choice.stop_token && !sampling.include_stop) return false;
  const bool special = token <= Tokenizer::kTurnEnd;
  return !special || (sampling.keep_special && token != Tokenizer::kTurnEnd);
}

/// Thoughts are counted by their tokens: those that do not stand behind a mark of their end.
void Generation::count_thought(Choice& choice, TokenId token) const {
  if (!exchange_.reasoning) return;
  const Tokenizer& tokenizer = *exchange_.tokenizer;
  const bool calls = choice.tokens == 1 && token == tokenizer.phrase("<tool_call>");
  if (calls || token == tokenizer.phrase("</think>")) choice.thinking = false;
  const bool counts = choice.thinking && token != tokenizer.phrase("<think>");
  if (counts && token != Tokenizer::kTurnEnd) ++choice.reasoning_tokens;
}

/// After each token, or when the choice was ended.
void Generation::finish_or_go_on(Choice& choice) {
  const bool finished = !choice.finish_reason.empty();
  const bool whole = !streamed() || exchange_.sampling.beam;
  if (whole && !finished) return;
  const bool first = choice.tokens_sent == 0;
  if (!finished && !first && choice.tokens - choice.tokens_sent < exchange_.stream_interval) return;
  choice.tokens_sent = choice.tokens;
  std::vector<OutputParser::Part> parts;
  const std::string_view text = choice.output.take(finished);
  if (choice.parser.active()) parts = parse(choice, text);
  if (finished) --running_;
  if (streamed()) push_events(choice, text, parts);
  if (done() && exchange_.store != nullptr) exchange_.store->put(exchange_.id, body());
}

std::vector<OutputParser::Part> Generation::parse(Choice& choice, std::string_view text) {
  auto parts = choice.parser.feed(text, !choice.finish_reason.empty());
  for (OutputParser::Part& part : parts) {
    // A text that is cut within a call has no calls after all, though it has parts of some.
    auto& calls = choice.parser.calls();
    if (part.kind != OutputParser::Part::Kind::kCall || part.call >= calls.size()) continue;
    calls[part.call].id = "chatcmpl-tool-" + make_id(exchange_.dialect, exchange_.ids);
  }
  // One that the request names is no choice of the model, and so no reason to stop.
  const bool chose = exchange_.tools.choice != ToolUse::Choice::kNamed;
  const bool stopped = choice.finish_reason == "stop" && !choice.stop_reason;
  if (stopped && chose && !choice.parser.calls().empty()) choice.finish_reason = "tool_calls";
  return parts;
}

void Generation::fail() {
  failed_ = true;
  running_ = 0;
  if (!streamed()) return;
  if (exchange_.kind == Kind::kMessage) {
    events_.push_back(message_error_event("EngineCore encountered an issue."));
    return;
  }
  events_.push_back(engine_dead_event(exchange_.dialect));
  events_.emplace_back(kDone);
}

void Generation::abort() {
  for (Choice& choice : exchange_.choices) {
    if (!choice.finish_reason.empty()) continue;
    choice.finish_reason = "abort";
    finish_or_go_on(choice);
  }
}

void Generation::notify() {
  if (listener_ != nullptr && ready()) listener_->on_ready();
}

void Generation::push_events(Choice& choice, std::string_view text,
                             const std::vector<OutputParser::Part>& parts) {
  if (!begun_) push_opening();
  begun_ = true;
  const bool last = !choice.finish_reason.empty();
  if (!choice.parser.active()) {
    const OutputParser::Part part{OutputParser::Part::Kind::kContent, std::string(text), 0};
    push_part(choice, &part, last);
  }
  for (const OutputParser::Part& part : parts) {
    push_part(choice, &part, last && &part == &parts.back());
  }
  if (choice.parser.active() && parts.empty() && last) push_part(choice, nullptr, last);
  if (done()) push_ending();
}

/// `part`: nullptr for an event without any, which ends a choice.
void Generation::push_part(Choice& choice, const OutputParser::Part* part, bool last) {
  const bool thought = part != nullptr && part->kind == OutputParser::Part::Kind::kReasoning;
  if (thought && !exchange_.include_reasoning) part = nullptr;
  if (part == nullptr && !last) return;
  switch (exchange_.kind) {
    case Kind::kChat:
      events_.push_back(chat_event(exchange_, choice, part, last));
      break;
    case Kind::kCompletion:
      events_.push_back(completion_event(exchange_, choice, part->text));
      break;
    case Kind::kMessage:
      if (part != nullptr && !part->text.empty()) push_all(message_part_events(exchange_, *part));
      break;
    case Kind::kResponse:
      if (part != nullptr && !part->text.empty()) push_all(response_part_events(exchange_, *part));
      break;
  }
  choice.steps.clear();
  choice.token_ids.clear();
}

void Generation::push_opening() {
  switch (exchange_.kind) {
    case Kind::kChat:
      for (const Choice& each : exchange_.choices) {
        events_.push_back(chat_role_event(exchange_, each));
      }
      for (const Choice& each : exchange_.choices) {
        if (!exchange_.echo.empty()) events_.push_back(chat_echo_event(exchange_, each));
      }
      break;
    case Kind::kCompletion:
      break;
    case Kind::kMessage:
      push_all(message_opening_events(exchange_));
      break;
    case Kind::kResponse:
      push_all(response_opening_events(exchange_));
      break;
  }
}

void Generation::push_ending() {
  if (exchange_.kind == Kind::kMessage) return push_all(message_ending_events(exchange_));
  if (exchange_.kind == Kind::kResponse) return push_all(response_ending_events(exchange_));
  if (exchange_.sampling.include_usage) {
    events_.push_back(exchange_.kind == Kind::kChat ? chat_usage_event(exchange_)
                                                    : completion_usage_event(exchange_));
  }
  events_.emplace_back(kDone);
}

void Generation::push_all(std::vector<std::string> events) {
  for (std::string& event : events) {
    events_.push_back(std::move(event));
  }
}

}  // namespace olla::sim
