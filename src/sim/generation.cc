#include "sim/generation.h"

#include <utility>

#include "base/check.h"
#include "sim/chat.h"
#include "sim/completions.h"
#include "sim/failure.h"
#include "sim/messages.h"
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
  const bool ends = event.token == Tokenizer::kTurnEnd;
  const auto tokens_min = static_cast<std::size_t>(sampling.tokens_min);
  if (!ends) {
    choice.stop_reason =
        choice.output.add(exchange_.tokenizer->text(event.token), choice.tokens > tokens_min);
  }
  if (choice.stop_reason) {
    choice.finish_reason = "stop";
  } else if (event.finish) {
    choice.finish_reason = *event.finish == FinishReason::kStop ? "stop" : "length";
  }
  if (!choice.finish_reason.empty()) --running_;
  if (done() && exchange_.store != nullptr) exchange_.store->put(exchange_.id, body());
  if (sampling.stream) push_events(choice);
  return choice.stop_reason.has_value();
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
    --running_;
    if (streamed()) push_events(choice);
  }
}

void Generation::notify() {
  if (listener_ != nullptr && ready()) listener_->on_ready();
}

void Generation::push_events(Choice& choice) {
  if (!begun_) push_opening();
  begun_ = true;
  const std::string_view text = choice.output.take(!choice.finish_reason.empty());
  switch (exchange_.kind) {
    case Kind::kChat:
      events_.push_back(chat_event(exchange_, choice, text));
      break;
    case Kind::kCompletion:
      events_.push_back(completion_event(exchange_, choice, text));
      break;
    case Kind::kMessage:
      if (!text.empty()) events_.push_back(message_text_event(text));
      break;
    case Kind::kResponse:
      if (!text.empty()) events_.push_back(response_text_event(exchange_, text));
      break;
  }
  choice.steps.clear();
  if (done()) push_ending();
}

void Generation::push_opening() {
  switch (exchange_.kind) {
    case Kind::kChat:
      for (const Choice& each : exchange_.choices) {
        events_.push_back(chat_role_event(exchange_, each));
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
