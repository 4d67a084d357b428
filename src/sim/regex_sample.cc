#include "sim/regex_sample.h"

#include <algorithm>
#include <bitset>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "sim/json_text.h"

namespace olla::sim {

struct RegexSample::Node {
  enum class Kind : std::uint8_t { kLiteral, kOneOf, kSequence, kAlternation, kRepeat };

  Kind kind = Kind::kLiteral;
  std::string literal;              ///< kLiteral; empty for what matches no character
  std::vector<std::string> one_of;  ///< kOneOf: characters
  std::vector<Node> parts;          ///< kSequence, kAlternation; kRepeat has one
  std::size_t least = 1;            ///< kRepeat
  std::size_t most = 1;             ///< kRepeat
  std::size_t cost = 1;             ///< Steps that writing it takes at least.
};

namespace {

using Node = RegexSample::Node;
using Characters = std::bitset<128>;

// A real engine refuses expressions that grow too large; the same limits bound what a request can
// make this server write.
constexpr std::size_t kNestedMax = 32;
constexpr std::size_t kCostMax = 4096;
constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();
// How many more than needed an unbounded or wide repetition writes.
constexpr std::size_t kExtraMax = 3;

void add_range(Characters& set, char from, char to) {
  // Both are ASCII, so none is negative.
  for (auto c = static_cast<std::uint8_t>(from); c <= static_cast<std::uint8_t>(to); ++c) {
    set.set(c);
  }
}

/// What \d, \w, \s and their negations stand for; nullopt for another letter.
std::optional<Characters> named_class(char letter) {
  Characters set;
  switch (letter) {
    case 'd':
    case 'D':
      add_range(set, '0', '9');
      break;
    case 'w':
    case 'W':
      add_range(set, 'a', 'z');
      add_range(set, 'A', 'Z');
      add_range(set, '0', '9');
      set.set('_');
      break;
    case 's':
    case 'S':
      for (const char c : std::string_view(" \t\n\r\f\v")) {
        set.set(static_cast<std::size_t>(c));
      }
      break;
    default:
      return std::nullopt;
  }
  if (letter == 'D' || letter == 'W' || letter == 'S') set.flip();
  return set;
}

Node one_of(const Characters& set, std::vector<std::string> others = {}) {
  Node node;
  node.kind = Node::Kind::kOneOf;
  node.one_of = std::move(others);
  // What prints comes first, and alone if there is any: control characters help nobody.
  for (char c = ' '; c <= '~'; ++c) {
    if (set.test(static_cast<std::size_t>(c))) node.one_of.emplace_back(1, c);
  }
  for (std::size_t c = 0; node.one_of.empty() && c < set.size(); ++c) {
    if (set.test(c)) node.one_of.emplace_back(1, static_cast<char>(c));
  }
  return node;
}

Node literal(std::string text) {
  Node node;
  node.cost = std::max<std::size_t>(text.size(), 1);
  node.literal = std::move(text);
  return node;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::variant<Node, RegexFault> parse() {
    Node root = alternation(0);
    if (!fault_ && !at_end()) fail(at_, "unopened group");
    if (fault_) return *fault_;
    return root;
  }

 private:
  [[nodiscard]] bool at_end() const { return fault_ || at_ == text_.size(); }
  [[nodiscard]] bool sees(char c) const { return !at_end() && text_[at_] == c; }
  bool skip(std::string_view what) {
    if (at_end() || !text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }
  void fail(std::size_t position, std::string reason) {
    if (!fault_) fault_ = RegexFault{position, std::move(reason)};
  }

  Node alternation(std::size_t depth) {
    Node node;
    node.kind = Node::Kind::kAlternation;
    if (depth > kNestedMax) fail(at_, "nested too deeply");
    do {
      node.parts.push_back(sequence(depth));
      // The dearest one counts, since any may be chosen.
      node.cost = std::max(node.cost, node.parts.back().cost);
    } while (skip("|"));
    return node;
  }

  Node sequence(std::size_t depth) {
    Node node;
    node.kind = Node::Kind::kSequence;
    while (!at_end() && !sees('|') && !sees(')')) {
      node.parts.push_back(repeated(atom(depth)));
      node.cost += node.parts.back().cost;
      if (node.cost > kCostMax) fail(0, "expression exceeds size limit");
    }
    return node;
  }

  Node atom(std::size_t depth) {
    const std::size_t start = at_;
    const char c = text_[at_];
    if (c == '(') return group(depth);
    if (c == '[') return char_class();
    if (c == '\\') return escape();
    if (c == '*' || c == '+' || c == '?' || c == '{') {
      fail(start, "repetition operator missing expression");
      return {};
    }
    ++at_;
    if (c == '^' || c == '$') return literal({});
    if (c == '.') {
      Characters set;
      add_range(set, 'a', 'z');
      return one_of(set);
    }
    const std::size_t size = std::max<std::size_t>(utf8_character(text_.substr(start)), 1);
    at_ = start + size;
    return literal(std::string(text_.substr(start, size)));
  }

  Node group(std::size_t depth) {
    const std::size_t start = at_++;
    if (skip("?:")) {
      // Only its parentheses are different.
    } else if (skip("?P<") || (!text_.substr(at_).starts_with("?<=") &&
                               !text_.substr(at_).starts_with("?<!") && skip("?<"))) {
      const std::size_t end = text_.find('>', at_);
      if (end == std::string_view::npos) {
        fail(start, "unclosed group name");
        return {};
      }
      at_ = end + 1;
    } else if (sees('?')) {
      fail(start, "look-around, including look-ahead and look-behind, is not supported");
      return {};
    }
    Node inner = alternation(depth + 1);
    if (!skip(")")) fail(start, "unclosed group");
    return inner;
  }

  Node escape() {
    const std::size_t start = at_++;
    if (at_end()) {
      fail(start, "incomplete escape sequence, reached end of pattern prematurely");
      return {};
    }
    const char c = text_[at_++];
    if (const auto set = named_class(c)) return one_of(*set);
    if (c == 'b' || c == 'A' || c == 'z' || c == 'Z') return literal({});
    if (c >= '0' && c <= '9') {
      fail(start, "backreferences are not supported");
      return {};
    }
    return literal(std::string(1, escaped_character(c, start)));
  }

  char escaped_character(char c, std::size_t start) {
    switch (c) {
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case 'r':
        return '\r';
      case 'f':
        return '\f';
      case 'v':
        return '\v';
      default:
        break;
    }
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || static_cast<std::uint8_t>(c) >= 0x80) fail(start, "unrecognized escape sequence");
    return c;
  }

  Node char_class() {
    const std::size_t start = at_++;
    const bool negated = skip("^");
    Characters set;
    std::vector<std::string> others;
    bool first = true;
    while (!at_end() && (first || !sees(']'))) {
      class_item(start, set, others);
      first = false;
    }
    if (!skip("]")) {
      fail(start, "unclosed character class");
      return {};
    }
    if (negated) {
      set.flip();
      others.clear();
    }
    Node node = one_of(set, std::move(others));
    if (node.one_of.empty()) fail(start, "empty character class");
    return node;
  }

  /// One character, range or named class within brackets.
  void class_item(std::size_t start, Characters& set, std::vector<std::string>& others) {
    const std::size_t size = std::max<std::size_t>(utf8_character(text_.substr(at_)), 1);
    if (size > 1) {
      others.emplace_back(text_.substr(at_, size));
      at_ += size;
      return;
    }
    if (sees('\\') && at_ + 1 < text_.size()) {
      if (const auto named = named_class(text_[at_ + 1])) {
        set |= *named;
        at_ += 2;
        return;
      }
    }
    const char from = class_character();
    const bool is_range = sees('-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']';
    if (fault_ || !is_range) {
      if (!fault_) add_range(set, from, from);
      return;
    }
    ++at_;
    const char to = class_character();
    if (fault_) return;
    if (to < from) {
      fail(start, "invalid character class range, the start must be <= the end");
      return;
    }
    add_range(set, from, to);
  }

  /// A plain or escaped character of ASCII.
  char class_character() {
    const std::size_t start = at_;
    const char c = text_[at_++];
    if (c == '\\' && at_ == text_.size()) {
      fail(start, "unclosed character class");
    } else if (c == '\\') {
      return escaped_character(text_[at_++], start);
    } else if (static_cast<std::uint8_t>(c) >= 0x80) {
      fail(start, "invalid character class range");
    }
    return c;
  }

  /// `inner` with the quantifier that follows it, if any. A second one has nothing to repeat.
  Node repeated(Node inner) {
    const std::size_t start = at_;
    std::size_t least = 0;
    std::size_t most = kUnbounded;
    if (skip("+")) {
      least = 1;
    } else if (skip("?")) {
      most = 1;
    } else if (!skip("*") && !counted(least, most)) {
      return inner;
    }
    skip("?");  // lazy, which is the same for a whole text
    if (least > most) fail(start, "invalid repetition count range");
    Node node;
    node.kind = Node::Kind::kRepeat;
    node.least = least;
    node.most = most;
    // No product of two such factors overflows.
    node.cost = 1 + std::min(least, kCostMax) * std::min(inner.cost, kCostMax);
    node.parts.push_back(std::move(inner));
    return node;
  }

  /// `{3}`, `{3,}`, `{,3}` or `{3,5}`; false, with nothing taken, if there is none.
  bool counted(std::size_t& least, std::size_t& most) {
    if (!sees('{')) return false;
    const std::size_t start = at_;
    const std::size_t end = text_.find('}', at_);
    if (end == std::string_view::npos) {
      fail(start, "unclosed counted repetition");
      return false;
    }
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    const std::size_t comma = inside.find(',');
    const auto from = number(inside.substr(0, comma));
    const auto to = comma == std::string_view::npos ? from : number(inside.substr(comma + 1));
    if (!from || !to || inside.empty() || inside == ",") {
      fail(start, "repetition quantifier expects a valid decimal");
      return false;
    }
    at_ = end + 1;
    least = from->value_or(0);
    most = to->value_or(kUnbounded);
    return true;
  }

  /// nullopt: no number; a nullopt inside: nothing at all, which stands for no limit.
  static std::optional<std::optional<std::size_t>> number(std::string_view text) {
    if (text.empty()) return std::optional<std::size_t>();
    std::size_t value = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end.ec != std::errc{} || end.ptr != text.data() + text.size()) return std::nullopt;
    return std::optional<std::size_t>(value);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<RegexFault> fault_;
};

class Writer {
 public:
  explicit Writer(Random& random) : random_(random) {}

  void write(const Node& node) {
    ++steps_;
    switch (node.kind) {
      case Node::Kind::kLiteral:
        out_ += node.literal;
        break;
      case Node::Kind::kOneOf:
        out_ += node.one_of[random_.below(node.one_of.size())];
        break;
      case Node::Kind::kSequence:
        for (const Node& part : node.parts) {
          write(part);
        }
        break;
      case Node::Kind::kAlternation:
        write(node.parts[random_.below(node.parts.size())]);
        break;
      case Node::Kind::kRepeat:
        repeat(node);
        break;
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void repeat(const Node& node) {
    const std::size_t extra_max = std::min(node.most - node.least, kExtraMax);
    const std::size_t times = node.least + random_.below(extra_max + 1);
    for (std::size_t i = 0; i < times; ++i) {
      // Repetitions within each other multiply: from here on, only what is needed.
      if (i >= node.least && steps_ > kCostMax) break;
      write(node.parts.front());
    }
  }

  Random& random_;
  std::string out_;
  std::size_t steps_ = 0;
};

}  // namespace

std::variant<RegexSample, RegexFault> RegexSample::parse(std::string_view expression) {
  auto parsed = Parser(expression).parse();
  if (auto* fault = std::get_if<RegexFault>(&parsed)) return std::move(*fault);
  return RegexSample(std::make_shared<const Node>(std::get<Node>(std::move(parsed))));
}

std::string RegexSample::text(Random& random) const {
  Writer writer(random);
  writer.write(*root_);
  return writer.take();
}

}  // namespace olla::sim
