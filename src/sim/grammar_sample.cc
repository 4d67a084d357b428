#include "sim/grammar_sample.h"

#include <algorithm>

#include "sim/grammar.h"

namespace olla::sim {
namespace {

using Kind = GrammarNode::Kind;

// From here on only the shortest way out is taken, so that every text has an end.
constexpr std::size_t kFreeDepth = 12;
constexpr std::size_t kFreeParts = 400;
// Rules may double each other; so many parts and bytes are written at most.
constexpr std::size_t kPartsMax = 4096;
constexpr std::size_t kBytesMax = 16'384;
constexpr std::size_t kExtraMax = 3;  // repetitions beyond those that are needed

class Writer {
 public:
  Writer(const Grammar& grammar, Random& random) : grammar_(grammar), random_(random) {}

  std::variant<std::string, GrammarFault> run() {
    write(grammar_.rules[grammar_.start], 0);
    if (too_long()) return GrammarFault{"the text gets too long"};
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool too_long() const { return parts_ > kPartsMax || out_.size() > kBytesMax; }

  void write(const GrammarNode& node, std::size_t depth) {
    ++parts_;
    if (too_long()) return;
    const bool free = depth < kFreeDepth && parts_ < kFreeParts;
    switch (node.kind) {
      case Kind::kLiteral:
        out_ += node.literal;
        break;
      case Kind::kExpression:
        out_ += node.expression->text(random_);
        break;
      case Kind::kRule:
        write(grammar_.rules[node.rule], depth + 1);
        break;
      case Kind::kSequence:
        for (const GrammarNode& part : node.parts) {
          write(part, depth);
        }
        break;
      case Kind::kAlternation:
        write(alternative(node, free), depth);
        break;
      case Kind::kRepeat:
        repeat(node, free, depth);
        break;
    }
  }

  const GrammarNode& alternative(const GrammarNode& node, bool free) {
    if (!free) {
      return *std::min_element(
          node.parts.begin(), node.parts.end(),
          [](const GrammarNode& a, const GrammarNode& b) { return a.height < b.height; });
    }
    std::size_t chosen = random_.below(node.parts.size());
    // One that never ends is not taken; the node itself has an end, so there is another.
    while (node.parts[chosen].height == Grammar::kEndless) {
      chosen = (chosen + 1) % node.parts.size();
    }
    return node.parts[chosen];
  }

  void repeat(const GrammarNode& node, bool free, std::size_t depth) {
    const bool endless = node.parts.front().height == Grammar::kEndless;
    std::size_t times = node.least;
    if (free && !endless) {
      times += random_.below(std::min(node.most - node.least, kExtraMax) + 1);
    }
    for (std::size_t i = 0; i < times && !too_long(); ++i) {
      write(node.parts.front(), depth);
    }
  }

  const Grammar& grammar_;
  Random& random_;
  std::string out_;
  std::size_t parts_ = 0;
};

}  // namespace

std::variant<std::string, GrammarFault> grammar_sample(std::string_view grammar, Random& random) {
  const auto parsed = Grammar::parse(grammar);
  if (const auto* fault = std::get_if<GrammarFault>(&parsed)) return *fault;
  return Writer(std::get<Grammar>(parsed), random).run();
}

}  // namespace olla::sim
