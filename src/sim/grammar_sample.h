#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/random.h"

namespace olla::sim {

/// Why no text can be written for a grammar.
struct GrammarFault {
  std::string reason;
};

/// A text of the language that a grammar describes, in the manner of GBNF (`root ::= "a" | "b"`)
/// or Lark (`start: "a" | "b"`).
///
/// Every alternative is taken now and then, and so is every number of repetitions, up to three more
/// than are needed; deep within a derivation the shortest way out is taken. Of Lark: rules,
/// terminals, `[optional]`, ranges, `~ 2..3`, aliases and the usual terminals of `%import common`;
/// `%ignore` allows what need not be there, and is passed over. Templates are not known.
std::variant<std::string, GrammarFault> grammar_sample(std::string_view grammar, Random& random);

}  // namespace olla::sim
