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
/// Knows RE2's syntax: literals, `.`, classes (with those of POSIX and the usual ones of Unicode),
/// groups, flags, alternation, all quantifiers, anchors and boundaries of words. Look-around and
/// back references are refused, and so are an expression that repeats too much and one for which
/// no text was found: anchors may leave none.
class RegexSample {
 public:
  static std::variant<RegexSample, RegexFault> parse(std::string_view expression);

  /// A text that the whole expression matches. Unbounded repetitions are kept short.
  [[nodiscard]] std::string text(Random& random) const;

  struct Node;

 private:
  explicit RegexSample(std::shared_ptr<const Node> root) : root_(std::move(root)) {}

  std::shared_ptr<const Node> root_;
  std::size_t sure_seed_ = 0;  // leads to a text that the anchors allow
};

}  // namespace olla::sim
