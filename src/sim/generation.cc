#include "sim/generation.h"

#include <utility>

#include "base/check.h"
#include "sim/chat.h"
#include "sim/completions.h"
#include "sim/failure.h"

namespace olla::sim {
namespace {

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
  if (failed_) {
    Answer refused = engine_dead_answer(exchange_.dialect);
    adapt(refused, exchange_.dialect);
    return refused;
  }
  Answer answer = json_answer(exchange_.kind == Kind::kChat ? chat_body(exchange_)
                                                            : completion_body(exchange_));
  adapt(answer, exchange_.dialect);
  return answer;
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
  if (sampling.stream) push_events(choice);
  return choice.stop_reason.has_value();
}

void Generation::fail() {
  failed_ = true;
  running_ = 0;
  if (!streamed()) return;
  events_.push_back(engine_dead_event(exchange_.dialect));
  events_.emplace_back("data: [DONE]\n\n");
}

void Generation::notify() {
  if (listener_ != nullptr && ready()) listener_->on_ready();
}

void Generation::push_events(Choice& choice) {
  const bool chat = exchange_.kind == Kind::kChat;
  if (!begun_ && chat) {
    for (const Choice& each : exchange_.choices) {
      events_.push_back(chat_role_event(exchange_, each));
    }
  }
  begun_ = true;
  const std::string_view text = choice.output.take(!choice.finish_reason.empty());
  events_.push_back(chat ? chat_event(exchange_, choice, text)
                         : completion_event(exchange_, choice, text));
  choice.steps.clear();
  if (!done()) return;
  if (exchange_.sampling.include_usage) {
    events_.push_back(chat ? chat_usage_event(exchange_) : completion_usage_event(exchange_));
  }
  events_.emplace_back("data: [DONE]\n\n");
}

}  // namespace olla::sim
