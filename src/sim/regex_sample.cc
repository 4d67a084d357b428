#include "sim/regex_sample.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "sim/json_text.h"
#include "sim/regex_classes.h"

namespace olla::sim {

struct RegexSample::Node {
  enum class Kind : std::uint8_t {
    kLiteral,
    kOneOf,
    kSequence,
    kAlternation,
    kRepeat,
    kBegin,       ///< `^` and `\A`
    kEnd,         ///< `$` and `\z`
    kBoundary,    ///< `\b`
    kNoBoundary,  ///< `\B`
  };

  Kind kind = Kind::kLiteral;
  std::string literal;              ///< kLiteral; empty for what matches no character
  std::vector<std::string> one_of;  ///< kOneOf: characters
  std::vector<Node> parts;          ///< kSequence, kAlternation; kRepeat has one
  std::size_t least = 1;            ///< kRepeat
  std::size_t most = 1;             ///< kRepeat
  bool lines = false;               ///< kBegin, kEnd: of a line will do.
  std::size_t cost = 1;             ///< Steps that writing it takes at least.
};

namespace {

using Node = RegexSample::Node;

// A real engine refuses expressions that grow too large; the same limits bound what a request can
// make this server write.
constexpr std::size_t kNestedMax = 32;
constexpr std::size_t kCostMax = 4096;
constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();
// How many more than needed an unbounded or wide repetition writes.
constexpr std::size_t kExtraMax = 3;

// Where anchors leave few texts, so many are tried before none is believed to fit.
constexpr std::size_t kSearchMax = 400;
constexpr std::size_t kTriesMax = 20;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
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

Node assertion(Node::Kind kind, bool lines = false) {
  Node node;
  node.kind = kind;
  node.lines = lines;
  return node;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  /// Whether the expression says where a text has to begin, end or change.
  [[nodiscard]] bool asserts() const { return asserts_; }

  std::variant<Node, RegexFault> parse() {
    Node root = alternation(0);
    if (!fault_ && !at_end()) fail(at_, "unopened group");
    if (fault_) return *fault_;
    return root;
  }

 private:
  [[nodiscard]] bool at_end() const { return fault_ || at_ == text_.size(); }
  [[nodiscard]] bool quoted() const { return at_ < quoted_; }
  [[nodiscard]] bool sees(char c) const { return !at_end() && !quoted() && text_[at_] == c; }
  bool skip(std::string_view what) {
    if (at_end() || quoted() || !text_.substr(at_).starts_with(what)) return false;
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
    if (quoted()) return character();
    if (c == '(') return group(depth);
    if (c == '[') return char_class();
    if (c == '\\') return escape();
    if (c == '*' || c == '+' || c == '?' || c == '{') {
      fail(start, "repetition operator missing expression");
      return {};
    }
    ++at_;
    if (c == '^' || c == '$') {
      asserts_ = true;
      return assertion(c == '^' ? Node::Kind::kBegin : Node::Kind::kEnd, lines_);
    }
    if (c == '.') {
      Characters set;
      add_range(set, 'a', 'z');
      return one_of(set);
    }
    --at_;
    return character();
  }

  /// One character that stands for itself, and the mark behind the last one of those quoted.
  Node character() {
    const std::size_t size = std::max<std::size_t>(utf8_character(text_.substr(at_)), 1);
    Node node = literal(std::string(text_.substr(at_, size)));
    at_ += size;
    if (at_ == quoted_) skip("\\E");
    return node;
  }

  Node group(std::size_t depth) {
    const std::size_t start = at_++;
    const bool lines = lines_;
    if (flags()) {
      // Only its parentheses are different.
      if (skip(")")) return literal({});
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
    lines_ = lines;
    return inner;
  }

  /// `?i:` and the like, or `?i` before a parenthesis, which counts for the rest of the group
  /// around. Of all flags only one changes what has to be written.
  bool flags() {
    std::size_t at = at_;
    if (at == text_.size() || text_[at++] != '?') return false;
    bool off = false;
    bool lines = lines_;
    while (at < text_.size() && std::string_view("imsU-").find(text_[at]) != kNone) {
      off = off || text_[at] == '-';
      if (text_[at] == 'm') lines = !off;
      ++at;
    }
    if (at == text_.size() || (text_[at] != ':' && text_[at] != ')')) return false;
    if (text_[at] == ')' && at == at_ + 1) return false;
    lines_ = lines;
    at_ = text_[at] == ':' ? at + 1 : at;
    return true;
  }

  Node escape() {
    const std::size_t start = at_++;
    if (at_end()) {
      fail(start, "incomplete escape sequence, reached end of pattern prematurely");
      return {};
    }
    const char c = text_[at_++];
    if (const auto set = named_class(c)) return one_of(*set);
    if (c == 'b' || c == 'B' || c == 'A' || c == 'z' || c == 'Z') {
      asserts_ = true;
      return assertion(c == 'b'   ? Node::Kind::kBoundary
                       : c == 'B' ? Node::Kind::kNoBoundary
                       : c == 'A' ? Node::Kind::kBegin
                                  : Node::Kind::kEnd);
    }
    if (c == 'p' || c == 'P') {
      Characters set;
      std::vector<std::string> others;
      unicode_class(start, c == 'P', set, others);
      return one_of(set, std::move(others));
    }
    if (c == 'Q') {
      quoted_ = std::min(text_.find("\\E", at_), text_.size());
      if (at_ == quoted_) skip("\\E");
      return literal({});
    }
    if (c == 'x') return literal(hexadecimal(start));
    if (c >= '0' && c <= '9') {
      fail(start, "backreferences are not supported");
      return {};
    }
    return literal(std::string(1, escaped_character(c, start)));
  }

  /// Adds what `\p{Greek}`, `\pL` or their negations stand for; `\p` has been read.
  void unicode_class(std::size_t start, bool negated, Characters& set,
                     std::vector<std::string>& others) {
    std::string_view name = text_.substr(at_, 1);
    if (name == "{")
      name = text_.substr(at_, std::min(text_.find('}', at_), text_.size()) - at_ + 1);
    at_ += std::min(name.size(), text_.size() - at_);
    if (name.starts_with('{'))
      name = name.substr(1, name.size() - std::min<std::size_t>(name.size(), 2));
    if (name.starts_with('^')) {
      negated = !negated;
      name.remove_prefix(1);
    }
    const NamedClass* found = find_unicode_class(name);
    if (found == nullptr) return fail(start, "Unicode property not found");
    add_class(*found, negated, set, others);
  }

  static void add_class(const NamedClass& named, bool negated, Characters& set,
                        std::vector<std::string>& others) {
    Characters own;
    for (std::size_t i = 0; i + 1 < named.ranges.size(); i += 2) {
      add_range(own, named.ranges[i], named.ranges[i + 1]);
    }
    if (negated) own.flip();
    if (!negated) others.insert(others.end(), named.others.begin(), named.others.end());
    set |= own;
  }

  /// The character of `\x41` or `\x{e9}`; `\x` has been read.
  std::string hexadecimal(std::size_t start) {
    const bool braces = skip("{");
    const std::size_t end = braces ? text_.find('}', at_) : at_ + 2;
    std::uint32_t point = 0;
    const std::string_view digits = text_.substr(at_, std::min(end, text_.size()) - at_);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), point, 16);
    const bool whole = read.ec == std::errc{} && read.ptr == digits.data() + digits.size();
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (!whole || end > text_.size() || point > 0x10FFFF || surrogate) {
      fail(start, "invalid hexadecimal escape");
      return {};
    }
    at_ = end + (braces ? 1 : 0);
    return utf8(point);
  }

  char escaped_character(char c, std::size_t start) {
    switch (c) {
      case 'a':
        return '\a';
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
    if (skip("[:")) return posix_class(start, set, others);
    if (sees('\\') && at_ + 1 < text_.size()) {
      const char letter = text_[at_ + 1];
      const auto named = named_class(letter);
      if (named || letter == 'p' || letter == 'P') at_ += 2;
      if (named) set |= *named;
      if (letter == 'p' || letter == 'P') unicode_class(start, letter == 'P', set, others);
      if (named || letter == 'p' || letter == 'P') return;
    }
    const std::uint32_t from = class_character();
    const bool is_range = sees('-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']';
    if (is_range) ++at_;
    const std::uint32_t to = is_range ? class_character() : from;
    if (fault_) return;
    if (to < from) {
      return fail(start, "invalid character class range, the start must be <= the end");
    }
    add_points(from, to, set, others);
  }

  /// All of a range that is ASCII, and a few of the characters beyond.
  static void add_points(std::uint32_t from, std::uint32_t to, Characters& set,
                         std::vector<std::string>& others) {
    if (from < 0x80)
      add_range(set, static_cast<char>(from), static_cast<char>(std::min(to, 0x7FU)));
    const std::uint32_t first = std::max(from, 0x80U);
    if (to < first) return;
    for (const std::uint32_t point : {first, first + (to - first) / 2, to}) {
      if (point < 0xD800 || point > 0xDFFF) others.push_back(utf8(point));
    }
  }

  /// `alpha:]` or `^alpha:]`, behind `[:`.
  void posix_class(std::size_t start, Characters& set, std::vector<std::string>& others) {
    const bool negated = skip("^");
    const std::size_t end = text_.find(":]", at_);
    const NamedClass* found =
        end == kNone ? nullptr : find_posix_class(text_.substr(at_, end - at_));
    if (found == nullptr) return fail(start, "unrecognized character class");
    at_ = end + 2;
    add_class(*found, negated, set, others);
  }

  /// A plain or escaped character.
  std::uint32_t class_character() {
    const std::size_t start = at_;
    const std::size_t size = std::max<std::size_t>(utf8_character(text_.substr(at_)), 1);
    const std::string_view whole = text_.substr(at_, size);
    at_ += size;
    if (whole != "\\") return code_point(whole);
    if (at_ == text_.size()) {
      fail(start, "unclosed character class");
      return 0;
    }
    const char c = text_[at_++];
    if (c != 'x') return static_cast<std::uint8_t>(escaped_character(c, start));
    const std::string point = hexadecimal(start);
    return point.empty() ? 0 : code_point(point);
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

  static constexpr std::size_t kNone = std::string_view::npos;

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t quoted_ = 0;  // up to here characters stand for themselves: `\Q`
  bool asserts_ = false;
  bool lines_ = false;  // of the flags: `^` and `$` are about lines
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
      default:
        assertions_.push_back({&node, out_.size()});
        break;
    }
  }

  /// Whether the text is as the assertions on the way wanted it.
  [[nodiscard]] bool holds() const {
    return std::all_of(assertions_.begin(), assertions_.end(),
                       [this](const Assertion& each) { return holds(each); });
  }

  std::string take() { return std::move(out_); }

 private:
  struct Assertion {
    const Node* node;
    std::size_t at;
  };

  [[nodiscard]] bool holds(const Assertion& assertion) const {
    const std::size_t at = assertion.at;
    const bool first = at == 0;
    const bool last = at == out_.size();
    const bool before = !first && is_word(out_[at - 1]);
    const bool after = !last && is_word(out_[at]);
    switch (assertion.node->kind) {
      case Node::Kind::kBegin:
        return first || (assertion.node->lines && out_[at - 1] == '\n');
      case Node::Kind::kEnd:
        return last || (assertion.node->lines && out_[at] == '\n');
      case Node::Kind::kBoundary:
        return before != after;
      default:
        return before == after;
    }
  }

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
  std::vector<Assertion> assertions_;
  std::size_t steps_ = 0;
};

std::optional<std::string> attempt(const Node& root, Random& random) {
  Writer writer(random);
  writer.write(root);
  if (!writer.holds()) return std::nullopt;
  return writer.take();
}

}  // namespace

std::variant<RegexSample, RegexFault> RegexSample::parse(std::string_view expression) {
  Parser parser(expression);
  auto parsed = parser.parse();
  if (auto* fault = std::get_if<RegexFault>(&parsed)) return std::move(*fault);
  RegexSample sample(std::make_shared<const Node>(std::get<Node>(std::move(parsed))));
  if (!parser.asserts()) return sample;
  while (sample.sure_seed_ < kSearchMax) {
    Random random(sample.sure_seed_);
    if (attempt(*sample.root_, random)) return sample;
    ++sample.sure_seed_;
  }
  return RegexFault{0, "no text that matches was found"};
}

std::string RegexSample::text(Random& random) const {
  for (std::size_t tries = 0; tries < kTriesMax; ++tries) {
    auto text = attempt(*root_, random);
    if (text) return *std::move(text);
  }
  Random sure(sure_seed_);
  return attempt(*root_, sure).value_or(std::string());
}

}  // namespace olla::sim
