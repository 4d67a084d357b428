#include "sim/prompt.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "sim/sampling.h"

namespace olla::sim {
namespace {

using nlohmann::json;
using Tokens = std::vector<TokenId>;

struct Counted {
  bool whole = true;  ///< Not only up to the limit.
  bool chat = false;
};

std::optional<Answer> refuse_length(const Tokens& tokens, Counted counted,
                                    const PromptRules& rules) {
  // At least one token of answer must fit.
  if (tokens.size() < rules.max_model_len) return std::nullopt;
  return prompt_too_long(
      {tokens.size(), !counted.whole, rules.max_model_len, counted.chat, rules.dialect});
}

Answer refuse(std::string message) {
  ErrorBody error;
  error.message = std::move(message);
  return error_answer(error);
}

/// Refuses what the conversation cannot be made a prompt by. `contradicts`: its last message shall
/// go on, and an answer begin.
std::optional<Answer> check_template(const Fields& fields, bool contradicts, Dialect dialect) {
  const json* own = fields.find("chat_template");
  if (own != nullptr && !own->is_null()) {
    return refuse(
        "Chat template is passed with request, but --trust-request-chat-template is not set. "
        "Refused request with untrusted chat template.");
  }
  if (!contradicts) return std::nullopt;
  const std::string words =
      "continue_final_message and add_generation_prompt are not compatible. Use "
      "continue_final_message when you want the model to continue the final message, and "
      "add_generation_prompt when you want to add a header that will prompt it to start a new "
      "assistant message instead.";
  return refuse(dialect == Dialect::kOld ? words + " " + words : words);
}

/// What has no text is for another kind of model.
std::optional<Answer> check_content(const json& message, const PromptRules& rules) {
  const auto content = message.find("content");
  if (content == message.end() || !content->is_array()) return std::nullopt;
  for (const json& part : *content) {
    if (!part.is_object()) continue;
    const auto text = part.find("text");
    if (text == part.end() || !text->is_string()) {
      return refuse(std::string(rules.model) + " is not a multimodal model");
    }
  }
  return std::nullopt;
}

void append_turn(std::string_view role, std::string_view text, const PromptRules& rules,
                 Tokens& out) {
  const std::size_t limit = rules.max_model_len + 1;
  out.push_back(Tokenizer::kTurnStart);
  rules.tokenizer.append(role, out, limit);
  rules.tokenizer.append("\n", out, limit);
  rules.tokenizer.append(text, out, limit);
  out.push_back(Tokenizer::kTurnEnd);
  rules.tokenizer.append("\n", out, limit);
}

/// The calls of an earlier answer as the model wrote them; what is no call is left out.
std::string calls_text(const json& message) {
  const auto calls = message.find("tool_calls");
  if (calls == message.end() || !calls->is_array()) return {};
  std::string out;
  for (const json& call : *calls) {
    const auto function = call.is_object() ? call.find("function") : call.end();
    if (function == call.end() || !function->is_object()) continue;
    const json arguments = function->value("arguments", json());
    out += "\n<tool_call>\n{\"name\": " + function->value("name", json()).dump();
    out += ", \"arguments\": ";
    out += arguments.is_string() ? arguments.get<std::string>() : arguments.dump();
    out += "}\n</tool_call>";
  }
  return out;
}

void append_tools(const Fields& fields, const PromptRules& rules, Tokens& out) {
  const json* tools = fields.find("tools");
  if (tools == nullptr || !tools->is_array() || tools->empty()) return;
  std::string text =
      "You may call these tools with <tool_call>{\"name\": ..., \"arguments\": ...}"
      "</tool_call>:";
  for (const json& tool : *tools) {
    text += "\n" + tool.dump();
  }
  append_turn("system", text, rules, out);
}

void check_messages(Fields& fields, const json& messages) {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const json& message = messages[i];
    const std::string place = "messages." + std::to_string(i);
    if (!message.is_object()) {
      fields.fail("dict_type", place, "Input should be a valid dictionary", message);
      continue;
    }
    const auto role = message.find("role");
    if (role == message.end()) {
      fields.fail("missing", place + ".role", "Field required", message);
    } else if (!role->is_string()) {
      fields.fail("string_type", place + ".role", "Input should be a valid string", *role);
    }
  }
}

/// Token ids as sent; an id outside the vocabulary is refused.
std::optional<Answer> read_ids(const json& ids, const PromptRules& rules, Tokens& out) {
  for (const json& id : ids) {
    const auto value = id.get<std::uint64_t>();
    if (value >= rules.tokenizer.size()) {
      return refuse("Token id " + std::to_string(value) + " is out of vocabulary");
    }
    out.push_back(static_cast<TokenId>(value));
  }
  return refuse_length(out, {}, rules);
}

bool all_ids(const json& list) {
  return std::all_of(list.begin(), list.end(),
                     [](const json& id) { return id.is_number_unsigned(); });
}

/// Cuts the tokens of a prompt to as many as are kept.
void truncate(const Truncation& truncation, Tokens& tokens) {
  if (tokens.size() <= truncation.tokens) return;
  const auto excess = static_cast<std::ptrdiff_t>(tokens.size() - truncation.tokens);
  if (truncation.keeps_first) {
    tokens.erase(tokens.end() - excess, tokens.end());
  } else {
    tokens.erase(tokens.begin(), tokens.begin() + excess);
  }
}

std::optional<Answer> read_one(const json& prompt, const PromptRules& rules, Tokens& out) {
  if (rules.truncation) {
    PromptRules whole = rules;
    whole.truncation.reset();
    whole.max_model_len = std::numeric_limits<std::size_t>::max() - 1;
    auto refused = read_one(prompt, whole, out);
    truncate(*rules.truncation, out);
    return refused;
  }
  if (!prompt.is_string()) return read_ids(prompt, rules, out);
  rules.tokenizer.append(prompt.get_ref<const std::string&>(), out, rules.max_model_len + 1);
  return refuse_length(out, {out.size() <= rules.max_model_len, false}, rules);
}

bool is_prompt(const json& value) {
  return value.is_string() || (value.is_array() && !value.empty() && all_ids(value));
}

}  // namespace

std::string content_text(const json& message) {
  const auto content = message.find("content");
  if (content == message.end()) return {};
  if (content->is_string()) return content->get<std::string>();
  std::string out;
  if (!content->is_array()) return out;
  bool first = true;
  for (const json& part : *content) {
    if (!part.is_object() || !part.contains("text")) continue;
    if (!first) out += '\n';
    first = false;
    out += part.at("text").get<std::string>();
  }
  return out;
}

std::variant<Tokens, Answer> chat_prompt(Fields& fields, const PromptRules& rules) {
  const json* messages = fields.find("messages");
  if (messages == nullptr) {
    fields.fail_missing("messages");
  } else if (!messages->is_array()) {
    fields.fail("list_type", "messages", "Input should be a valid list", *messages);
  } else {
    check_messages(fields, *messages);
  }
  const bool open_turn =
      fields.boolean("add_generation_prompt", Fields::Null::kRefused).value_or(true);
  const bool continues =
      fields.boolean("continue_final_message", Fields::Null::kRefused).value_or(false);
  if (fields.failed()) return Tokens{};
  if (messages->empty() && rules.dialect == Dialect::kOld) {
    return refuse("list index out of range list index out of range");
  }
  if (messages->empty()) {
    return refuse(
        "Cannot apply chat template to an empty conversation. Provide at least one message.");
  }
  if (auto refused = check_template(fields, open_turn && continues, rules.dialect)) {
    return std::move(*refused);
  }
  Tokens tokens;
  append_tools(fields, rules, tokens);
  for (const json& message : *messages) {
    if (auto refused = check_content(message, rules)) return std::move(*refused);
    const std::string text = content_text(message) + calls_text(message);
    append_turn(message.at("role").get_ref<const std::string&>(), text, rules, tokens);
    // Each message adds four tokens beyond its texts, so the loop looks at the limit too.
    if (tokens.size() > rules.max_model_len) break;
  }
  if (continues) {
    while (tokens.back() != Tokenizer::kTurnEnd) {
      tokens.pop_back();
    }
    tokens.pop_back();
  }
  if (open_turn && !continues && tokens.size() <= rules.max_model_len) {
    tokens.push_back(Tokenizer::kTurnStart);
    rules.tokenizer.append("assistant\n", tokens);
  }
  const bool whole = tokens.size() <= rules.max_model_len;
  if (!whole) tokens.resize(rules.max_model_len + 1);
  if (auto refused = refuse_length(tokens, {whole, true}, rules)) return std::move(*refused);
  return tokens;
}

std::variant<std::vector<Tokens>, Answer> text_prompts(Fields& fields, std::string_view name,
                                                       const PromptRules& rules) {
  const json* value = fields.find(name);
  if (value == nullptr || (value->is_string() && value->get_ref<const std::string&>().empty())) {
    return fields.refuse("Either prompt or prompt_embeds must be provided and non-empty.",
                         "prompt");
  }
  std::vector<Tokens> prompts;
  if (is_prompt(*value)) {
    prompts.emplace_back();
    if (auto refused = read_one(*value, rules, prompts.back())) return std::move(*refused);
    return prompts;
  }
  if (!value->is_array()) {
    fields.fail("string_type", name, "Input should be a valid string", *value);
    fields.fail("list_type", name, "Input should be a valid list", *value);
    return prompts;
  }
  if (value->empty()) {
    return refuse(rules.dialect == Dialect::kOld ? "please provide at least one prompt"
                                                 : "You must pass at least one prompt");
  }
  for (std::size_t i = 0; i < value->size(); ++i) {
    const json& prompt = (*value)[i];
    if (!is_prompt(prompt)) {
      fields.fail("string_type", std::string(name) + "." + std::to_string(i),
                  "Input should be a valid string", prompt);
      return prompts;
    }
    prompts.emplace_back();
    if (auto refused = read_one(prompt, rules, prompts.back())) return std::move(*refused);
    if (prompts.back().empty()) return refuse("The decoder prompt cannot be empty");
  }
  return prompts;
}

}  // namespace olla::sim
