#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.h"

namespace olla::sim {

/// Why a text is no regular expression, in the words of the engine that a real vLLM uses.
struct RegexFault {
  std::size_t position = 0;  ///< Byte of the expression that the fault is shown at.
  std::string reason;
};

/// A regular expression that texts are written for, instead of being matched against.
///
/// Knows literals, `.`, classes, \d \w \s and their negations, groups, alternation, and all
/// quantifiers. Anchors and \b are ignored: a text is matched as a whole. Look-around, back
/// references, flags and \p classes are refused, and so is what repeats too much.
class RegexSample {
 public:
  static std::variant<RegexSample, RegexFault> parse(std::string_view expression);

  /// A text that the whole expression matches. Unbounded repetitions are kept short.
  [[nodiscard]] std::string text(Random& random) const;

  struct Node;

 private:
  explicit RegexSample(std::shared_ptr<const Node> root) : root_(std::move(root)) {}

  std::shared_ptr<const Node> root_;
};

}  // namespace olla::sim
