#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/random.h"
#include "sim/answer.h"
#include "sim/fields.h"
#include "sim/script.h"

namespace olla::sim {

/// What a server was started with to understand the texts of its model.
struct ParserFlags {
  bool auto_tool_choice = false;  ///< `--enable-auto-tool-choice`
  std::string tool_call;          ///< `--tool-call-parser`; empty: none
  std::string reasoning;          ///< `--reasoning-parser`; empty: none
};

/// The tools that a chat offers, and which it wants called.
struct ToolUse {
  enum class Choice : std::uint8_t { kNone, kAuto, kRequired, kNamed };

  Choice choice = Choice::kNone;
  std::shared_ptr<const nlohmann::json> tools;  ///< A list as in a chat; nullptr without any.
  std::string named;                            ///< Only with kNamed.
  bool parallel = true;                         ///< More than one call is welcome.

  /// Whether calls are looked for in the answer.
  [[nodiscard]] bool active() const { return choice != Choice::kNone; }
};

/// Reads `tools`, `tool_choice` and `parallel_tool_calls` of a chat. Validation failures go to
/// `fields`; what contradicts itself comes back as an answer.
std::variant<ToolUse, Answer> read_tools(Fields& fields);

/// The 400 of a server that was started without what the choice needs. An old one calls a named or
/// required tool in any case.
std::optional<Answer> check_parsers(const ToolUse& use, const ParserFlags& flags, Dialect dialect);

/// The text of an answer that calls tools with arguments that fit their schemas, or the 400 for a
/// schema that cannot be followed. nullopt: the answer calls none. A scripted call is taken as it
/// is when its tool is offered and takes such arguments.
std::optional<std::variant<std::vector<TokenId>, Answer>> tool_tokens(const ToolUse& use,
                                                                      Script script,
                                                                      const Tokenizer& tokenizer,
                                                                      Random& random);

}  // namespace olla::sim
