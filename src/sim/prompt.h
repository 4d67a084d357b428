#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sim/answer.h"
#include "sim/fields.h"
#include "sim/tokenizer.h"

namespace olla::sim {

/// How much is kept of a prompt that is too long: of its end, or of its beginning.
struct Truncation {
  std::size_t tokens;
  bool keeps_first = false;
};

/// Turns what a request says into tokens. All need the request's text to be counted no further
/// than one token past the context length: a longer one is refused in any case.
struct PromptRules {
  const Tokenizer& tokenizer;
  std::size_t max_model_len;
  std::string_view model;
  Dialect dialect = Dialect::kNew;
  std::optional<Truncation> truncation = {};  ///< Of text_prompts(); nullopt: refused.
};

/// The tokens of a chat: `<|im_start|>role LF content <|im_end|> LF` per message, then the opening
/// of the assistant's turn unless `add_generation_prompt` is false. The tools are a message before
/// all others, and calls stand behind the content of theirs. Checks `messages`: validation
/// failures go to `fields`, the rest comes back as an answer.
std::variant<std::vector<TokenId>, Answer> chat_prompt(Fields& fields, const PromptRules& rules);

/// The text of a message's content: a string, or its parts of text with a line feed between them.
std::string content_text(const nlohmann::json& message);

/// The prompts of a completion: one string or list of token ids, or a list of either. An empty
/// `name` member is reported in the words of /v1/completions. Validation failures go to `fields`.
std::variant<std::vector<std::vector<TokenId>>, Answer> text_prompts(Fields& fields,
                                                                     std::string_view name,
                                                                     const PromptRules& rules);

}  // namespace olla::sim
