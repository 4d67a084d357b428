#include <nlohmann/json.hpp>

#include "sim/api.h"
#include "sim/prompt.h"
#include "sim/token_rules.h"

/// /v1/chat/completions/batch: a list of chats in, one answer with a choice for each of them out.
namespace olla::sim {
namespace {

using nlohmann::json;

/// What one request for many chats may not ask for.
std::optional<Answer> refuse_option(const Fields& fields, const Sampling& sampling,
                                    Dialect dialect) {
  const json* beams = fields.find("use_beam_search");
  if (beams != nullptr && beams->is_boolean() && beams->get<bool>()) {
    return parameter_answer({dialect,
                             "Batch chat completions do not support beam search. Please set "
                             "`use_beam_search` to False.",
                             "use_beam_search",
                             {}});
  }
  if (sampling.samples == 1) return std::nullopt;
  return parameter_answer({dialect,
                           "Batch chat completions do not support `n > 1`. Please set `n` to 1.",
                           "n", std::to_string(sampling.samples)});
}

/// Every chat is a list of at least one message.
void check_chats(Fields& fields) {
  const json* chats = fields.find("messages");
  if (chats == nullptr) return fields.fail_missing("messages");
  if (!chats->is_array()) {
    return fields.fail("list_type", "messages", "Input should be a valid list", *chats);
  }
  const auto fail_empty = [&fields](const std::string& place, const json& list) {
    fields.fail("too_short", place, "List should have at least 1 item after validation, not 0",
                list, "{'field_type': 'List', 'min_length': 1, 'actual_length': 0}");
  };
  if (chats->empty()) fail_empty("messages", *chats);
  for (std::size_t i = 0; i < chats->size(); ++i) {
    const json& chat = (*chats)[i];
    const std::string place = "messages." + std::to_string(i);
    if (!chat.is_array()) {
      fields.fail("list_type", place, "Input should be a valid list", chat);
    } else if (chat.empty()) {
      fail_empty(place, chat);
    }
  }
}

}  // namespace

Reply Api::generate_batch(const json& body, const ApiRequest& request, ApiTime time) {
  Fields fields(body, dialect_);
  Exchange exchange;
  exchange.kind = Kind::kChat;
  exchange.sampling = read_sampling(fields, Kind::kChat);
  exchange.sampling.stream = false;  // There is no such member here, and others mean nothing.
  auto refused_rules = read_token_rules(fields, tokenizer_, exchange.sampling);
  auto constraint = read_constraint(fields, Kind::kChat);
  check_chats(fields);
  if (fields.failed()) return fields.answer();
  if (auto refused = refuse_option(fields, exchange.sampling, dialect_)) return std::move(*refused);
  if (auto refused = check_options(fields, exchange.sampling)) return std::move(*refused);
  if (auto* refused = std::get_if<Answer>(&constraint)) return std::move(*refused);
  if (auto refused = models_.check(exchange.sampling.model)) return std::move(*refused);
  if (refused_rules) return std::move(*refused_rules);
  exchange.constraint = std::get<std::optional<Constraint>>(std::move(constraint));
  json one = body;
  one.erase("tools");
  one.erase("tool_choice");
  std::vector<Script> scripts;
  for (const json& chat : body.at("messages")) {
    one["messages"] = chat;
    Fields chat_fields(one, dialect_);
    auto prompt = chat_prompt(chat_fields, prompt_rules());
    if (chat_fields.failed()) return chat_fields.answer();
    if (auto* refused = std::get_if<Answer>(&prompt)) return std::move(*refused);
    if (auto refused = read_chat(chat_fields, exchange)) return std::move(*refused);
    exchange.prompts.push_back(std::get<std::vector<TokenId>>(std::move(prompt)));
    scripts.push_back(exchange.script);
  }
  exchange.scripts = std::move(scripts);
  exchange.id = "chatcmpl-" + request_id(request, exchange.sampling.request_id);
  return begin(std::move(exchange), true, time);
}

}  // namespace olla::sim
