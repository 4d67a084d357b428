#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "sim/sampling.h"

namespace olla::sim {
namespace {

using nlohmann::json;

/// What a list or a bias may name at most: more than there are tokens is a mistake.
constexpr std::size_t kBadWordsMax = 1024;

std::vector<std::int64_t> read_ids(Fields& fields, std::string_view name) {
  std::vector<std::int64_t> out;
  const json* list = fields.find(name);
  if (list == nullptr) return out;
  if (!list->is_array()) {
    fields.fail("list_type", name, "Input should be a valid list", *list);
    return out;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    const json& id = (*list)[i];
    if (!id.is_number_integer()) {
      fields.fail("int_type", std::string(name) + "." + std::to_string(i),
                  "Input should be a valid integer", id);
      return {};
    }
    out.push_back(id.get<std::int64_t>());
  }
  return out;
}

/// Pairs of a token and its bias, which is held to what OpenAI allows.
std::vector<std::pair<std::int64_t, double>> read_bias(Fields& fields) {
  std::vector<std::pair<std::int64_t, double>> out;
  const json* bias = fields.find("logit_bias");
  if (bias == nullptr) return out;
  if (!bias->is_object()) {
    fields.fail("dict_type", "logit_bias", "Input should be a valid dictionary", *bias);
    return out;
  }
  for (const auto& [name, value] : bias->items()) {
    std::int64_t id = 0;
    const auto end = std::from_chars(name.data(), name.data() + name.size(), id);
    if (end.ec != std::errc{} || end.ptr != name.data() + name.size()) id = -1;
    if (!value.is_number()) {
      fields.fail("float_type", "logit_bias." + name, "Input should be a valid number", value);
      return {};
    }
    out.emplace_back(id, std::clamp(value.get<double>(), -100.0, 100.0));
  }
  return out;
}

bool is_token(std::int64_t id, const Tokenizer& tokenizer) {
  return id >= 0 && static_cast<std::uint64_t>(id) < tokenizer.size();
}

std::optional<Answer> take_bias(Fields& fields, const Tokenizer& tokenizer, TokenRules& rules) {
  std::string unknown;
  for (const auto& [id, bias] : read_bias(fields)) {
    if (is_token(id, tokenizer)) {
      rules.bias[static_cast<TokenId>(id)] = bias;
    } else {
      unknown += (unknown.empty() ? "" : ", ") + std::to_string(id);
    }
  }
  if (unknown.empty()) return std::nullopt;
  return parameter_answer({fields.dialect(),
                           "token_id(s) [" + unknown +
                               "] in logit_bias contain out-of-vocab token ids. Vocabulary size: " +
                               std::to_string(tokenizer.size()),
                           "logit_bias", "[" + unknown + "]"});
}

std::optional<Answer> take_allowed(Fields& fields, const Tokenizer& tokenizer, TokenRules& rules) {
  const bool given = fields.find("allowed_token_ids") != nullptr;
  const std::vector<std::int64_t> ids = read_ids(fields, "allowed_token_ids");
  if (fields.failed()) return std::nullopt;
  if (given && ids.empty()) {
    return parameter_answer(
        {fields.dialect(), "allowed_token_ids is not None and empty!", "allowed_token_ids", "[]"});
  }
  for (const std::int64_t id : ids) {
    if (!is_token(id, tokenizer)) {
      return parameter_answer({fields.dialect(),
                               "allowed_token_ids contains out-of-vocab token id!",
                               "allowed_token_ids",
                               {}});
    }
    rules.allowed.push_back(static_cast<TokenId>(id));
  }
  std::sort(rules.allowed.begin(), rules.allowed.end());
  return std::nullopt;
}

/// A word alone and behind a space.
void take_bad_words(Fields& fields, const Tokenizer& tokenizer, TokenRules& rules) {
  for (const std::string& word : fields.strings("bad_words", kBadWordsMax)) {
    if (word.empty()) continue;
    rules.bad_words.push_back(tokenizer.tokenize(word));
    if (word.front() != ' ') rules.bad_words.push_back(tokenizer.tokenize(" " + word));
  }
}

}  // namespace

std::optional<Answer> read_token_rules(Fields& fields, const Tokenizer& tokenizer,
                                       Sampling& sampling) {
  TokenRules rules;
  for (const std::int64_t id : read_ids(fields, "stop_token_ids")) {
    // One that does not exist never comes.
    if (is_token(id, tokenizer)) rules.stop.insert(static_cast<TokenId>(id));
  }
  auto refused = take_bias(fields, tokenizer, rules);
  if (!refused) refused = take_allowed(fields, tokenizer, rules);
  take_bad_words(fields, tokenizer, rules);
  if (refused) return refused;
  if (rules.choose()) sampling.rules = std::make_shared<const TokenRules>(std::move(rules));
  return std::nullopt;
}

}  // namespace olla::sim
