#pragma once

#include <nlohmann/json_fwd.hpp>

#include "sim/answer.h"
#include "sim/models.h"
#include "sim/prompt.h"
#include "sim/tokenizer.h"

namespace olla::sim {

/// The whole of POST /tokenize for a body that is an object: a prompt or the messages of a chat.
Answer tokenize_answer(const nlohmann::json& body, const PromptRules& rules, const Models& models);

/// The whole of POST /detokenize.
Answer detokenize_answer(const nlohmann::json& body, const Tokenizer& tokenizer,
                         const Models& models);

}  // namespace olla::sim
