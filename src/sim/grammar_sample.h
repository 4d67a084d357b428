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
/// Always the first alternative of every rule and group, and each part once, whatever `?`, `*` or
/// `+` says: so only the characters that a class or a /regex/ stands for are left to chance.
std::variant<std::string, GrammarFault> grammar_sample(std::string_view grammar, Random& random);

}  // namespace olla::sim
