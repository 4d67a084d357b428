#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sim/grammar_sample.h"
#include "sim/regex_sample.h"

namespace olla::sim {

/// A part of a rule.
struct GrammarNode {
  enum class Kind : std::uint8_t {
    kLiteral,
    kExpression,  ///< A class of characters or an expression between slashes.
    kRule,        ///< The rule of that number.
    kSequence,
    kAlternation,
    kRepeat,  ///< Its only part, between `least` and `most` times.
  };

  Kind kind = Kind::kSequence;
  std::string literal;
  std::optional<RegexSample> expression;
  std::size_t rule = 0;
  std::vector<GrammarNode> parts;
  std::size_t least = 1;
  std::size_t most = 1;
  /// How deep rules stand within each other at least; kEndless where they never end.
  std::size_t height = 0;
};

/// The rules of a grammar, each with a way to write it.
struct Grammar {
  static constexpr std::size_t kEndless = static_cast<std::size_t>(-1);

  std::vector<GrammarNode> rules;
  std::size_t start = 0;

  static std::variant<Grammar, GrammarFault> parse(std::string_view text);
};

}  // namespace olla::sim
