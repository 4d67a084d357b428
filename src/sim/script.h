#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "sim/tokenizer.h"

namespace olla::sim {

/// An answer whose text is known beforehand: a chat asks for it with a mark in its last message.
enum class Script : std::uint8_t {
  kNone,
  kHello,   ///< `[[hello]]`: one sentence.
  kTool,    ///< `[[tool]]`: one call of a tool.
  kTools2,  ///< `[[tools2]]`: a sentence and two calls.
  kThink,   ///< `[[think]]`: a thought, and then an answer.
  kStop,    ///< `[[stop]]`: nothing at all.
};

/// What the last message of a chat asks for. Of several marks the first of the list above counts.
Script script_in(std::string_view message);

/// The tokens of the answer, without the one that ends it; kNone has none. Calls are written in the
/// manner of Hermes: `<tool_call>`, a line with an object of `name` and `arguments`,
/// `</tool_call>`.
std::vector<TokenId> script_tokens(Script script, const Tokenizer& tokenizer);

}  // namespace olla::sim
