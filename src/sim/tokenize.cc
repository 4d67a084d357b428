#include "sim/tokenize.h"

#include <nlohmann/json.hpp>

#include "sim/exchange.h"
#include "sim/json_text.h"

namespace olla::sim {
namespace {

using nlohmann::json;
using Tokens = std::vector<TokenId>;

}  // namespace

Answer tokenize_answer(const json& body, const PromptRules& rules, const Models& models) {
  const Tokenizer& tokenizer = rules.tokenizer;
  Fields fields(body, models.dialect());
  const auto model = fields.string("model");
  const bool with_text = fields.boolean("return_token_strs").value_or(false);
  Tokens tokens;
  const json* prompt = fields.find("prompt");
  if (prompt != nullptr && prompt->is_string()) {
    tokens = tokenizer.tokenize(prompt->get_ref<const std::string&>());
  } else if (prompt != nullptr) {
    fields.fail("string_type", "prompt", "Input should be a valid string", *prompt);
  } else if (fields.find("messages") == nullptr) {
    fields.fail_missing("prompt");
    fields.fail_missing("messages");
  } else {
    auto chat = chat_prompt(fields, rules);
    if (auto* refused = std::get_if<Answer>(&chat)) return std::move(*refused);
    tokens = std::get<Tokens>(std::move(chat));
  }
  if (fields.failed()) return fields.answer();
  if (auto refused = models.check(model)) return std::move(*refused);
  std::string out = R"({"count":)" + std::to_string(tokens.size());
  out += R"(,"max_model_len":)" + std::to_string(rules.max_model_len);
  out += R"(,"tokens":)";
  append_token_ids(out, tokens);
  out += R"(,"token_strs":)";
  if (with_text) {
    out += '[';
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) out += ',';
      append_json_string(out, tokenizer.display(tokens[i]));
    }
    out += "]}";
  } else {
    out += "null}";
  }
  return json_answer(std::move(out));
}

Answer detokenize_answer(const json& body, const Tokenizer& tokenizer, const Models& models) {
  Fields fields(body, models.dialect());
  const auto model = fields.string("model");
  const json* ids = fields.find("tokens");
  if (ids == nullptr) {
    fields.fail_missing("tokens");
  } else if (!ids->is_array()) {
    fields.fail("list_type", "tokens", "Input should be a valid list", *ids);
  }
  Tokens tokens;
  for (const json& id : ids != nullptr && ids->is_array() ? *ids : json::array()) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= tokenizer.size()) {
      fields.fail("int_type", "tokens." + std::to_string(tokens.size()),
                  "Input should be a valid integer", id);
      break;
    }
    tokens.push_back(id.get<TokenId>());
  }
  if (fields.failed()) return fields.answer();
  if (auto refused = models.check(model)) return std::move(*refused);
  std::string out = R"({"prompt":)";
  append_json_string(out, tokenizer.detokenize(tokens));
  return json_answer(out + "}");
}

}  // namespace olla::sim
