#include "sim/grammar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <map>
#include <utility>

namespace olla::sim {
namespace {

using Kind = GrammarNode::Kind;

constexpr std::size_t kNestedMax = 32;
constexpr std::size_t kBytesMax = 256 * 1024;
constexpr std::size_t kRulesMax = 2000;
// The depth of the shortest text: each level is a call within another.
constexpr std::size_t kHeightMax = 200;
constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();

/// What `%import common.NAME` stands for, narrowed to what everybody takes.
struct Common {
  std::string_view name;
  std::string_view expression;
};
constexpr std::array<Common, 16> kCommon = {{{"DIGIT", "[0-9]"},
                                             {"INT", "[0-9]+"},
                                             {"SIGNED_INT", "[+-]?[0-9]+"},
                                             {"DECIMAL", "[0-9]+\\.[0-9]+"},
                                             {"FLOAT", "[0-9]+\\.[0-9]+"},
                                             {"NUMBER", "[0-9]+(\\.[0-9]+)?"},
                                             {"SIGNED_NUMBER", "[+-]?[0-9]+(\\.[0-9]+)?"},
                                             {"HEXDIGIT", "[0-9a-fA-F]"},
                                             {"LETTER", "[a-zA-Z]"},
                                             {"LCASE_LETTER", "[a-z]"},
                                             {"UCASE_LETTER", "[A-Z]"},
                                             {"WORD", "[a-zA-Z]+"},
                                             {"CNAME", "[_a-zA-Z][_a-zA-Z0-9]*"},
                                             {"ESCAPED_STRING", "\"[a-z ]*\""},
                                             {"WS", "[ \\n]+"},
                                             {"NEWLINE", "\\n"}}};

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string_view take_name(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && is_name(text[size])) {
    ++size;
  }
  const std::string_view name = text.substr(0, size);
  text.remove_prefix(size);
  return name;
}

using Bodies = std::map<std::string, std::string, std::less<>>;

/// `%import common.INT -> NUMBER`, or several names in parentheses.
void import(std::string_view line, Bodies& bodies) {
  constexpr std::string_view kPrefix = "%import common";
  if (!line.starts_with(kPrefix)) return;
  line.remove_prefix(kPrefix.size());
  while (!line.empty()) {
    if (!is_name(line.front())) {
      line.remove_prefix(1);
      continue;
    }
    const std::string_view name = take_name(line);
    line = trimmed(line);
    std::string as(name);
    if (line.starts_with("->")) {
      line = trimmed(line.substr(2));
      as = take_name(line);
    }
    const auto* const at = std::find_if(kCommon.begin(), kCommon.end(),
                                        [name](const Common& each) { return each.name == name; });
    if (at != kCommon.end()) bodies[as] = "/" + std::string(at->expression) + "/";
  }
}

/// The right sides of all rules by their names. A line without a name belongs to the rule above it.
Bodies read_bodies(std::string_view grammar) {
  Bodies bodies;
  std::string* last = nullptr;
  while (!grammar.empty()) {
    const std::size_t end = std::min(grammar.find('\n'), grammar.size());
    const std::string_view line = trimmed(grammar.substr(0, end));
    grammar.remove_prefix(std::min(end + 1, grammar.size()));
    if (line.starts_with('%')) import(line, bodies);
    if (line.empty() || line.starts_with('#') || line.starts_with("//") || line.starts_with('%')) {
      continue;
    }
    std::string_view rest = line;
    // Lark's marks for what becomes of a rule in its tree, and its priorities.
    while (rest.starts_with('?') || rest.starts_with('!')) {
      rest.remove_prefix(1);
    }
    const std::string_view name = take_name(rest);
    if (rest.starts_with('.')) rest.remove_prefix(std::min(rest.find(':'), rest.size()));
    rest = trimmed(rest);
    const std::size_t sign = rest.starts_with("::=") ? 3 : (rest.starts_with(':') ? 1 : 0);
    if (!name.empty() && sign > 0) {
      last = &bodies[std::string(name)];
      *last = rest.substr(sign);
    } else if (last != nullptr) {
      last->append("\n").append(line);
    }
  }
  return bodies;
}

class Parser {
 public:
  explicit Parser(std::string_view grammar) : bodies_(read_bodies(grammar)) {
    for (const auto& [name, body] : bodies_) {
      numbers_.emplace(name, numbers_.size());
    }
  }

  std::variant<Grammar, GrammarFault> parse() {
    lark_ = !bodies_.contains("root");
    Grammar grammar;
    const auto start = numbers_.find(lark_ ? "start" : "root");
    if (start == numbers_.end()) fail(lark_ ? "unknown rule start" : "unknown rule root");
    if (numbers_.size() > kRulesMax) fail("too many rules");
    for (const auto& [name, body] : bodies_) {
      text_ = body;
      grammar.rules.push_back(alternation(0));
      if (!fault_ && !text_.empty())
        fail("unexpected " + std::string(1, text_.front()) + " in rule " + name);
    }
    if (fault_) return *fault_;
    grammar.start = start->second;
    return grammar;
  }

 private:
  void fail(const std::string& reason) {
    if (!fault_) fault_ = GrammarFault{reason};
  }
  void fail(const char* reason) { fail(std::string(reason)); }

  /// Skips spaces, and comments behind them.
  void skip_space() {
    while (!text_.empty()) {
      const std::size_t begin = std::min(text_.find_first_not_of(" \t\r\n"), text_.size());
      text_.remove_prefix(begin);
      if (!text_.starts_with('#') && !text_.starts_with("//")) return;
      text_.remove_prefix(std::min(text_.find('\n'), text_.size()));
    }
  }

  bool skip(std::string_view what) {
    if (!text_.starts_with(what)) return false;
    text_.remove_prefix(what.size());
    return true;
  }

  GrammarNode alternation(std::size_t depth) {
    GrammarNode node;
    node.kind = Kind::kAlternation;
    if (depth > kNestedMax) fail("nested too deeply");
    do {
      node.parts.push_back(sequence(depth));
    } while (!fault_ && skip("|"));
    return node;
  }

  GrammarNode sequence(std::size_t depth) {
    GrammarNode node;
    skip_space();
    while (!fault_ && !text_.empty() && std::string_view("|)]").find(text_.front()) == kNone) {
      if (skip("->")) {
        skip_space();
        take_name(text_);
      } else {
        node.parts.push_back(repeated(part(depth)));
      }
      skip_space();
    }
    return node;
  }

  GrammarNode part(std::size_t depth) {
    const char c = text_.front();
    if (c == '"' || c == '\'') return literal();
    if (c == '/' || (c == '[' && !lark_)) return expression();
    if (c == '.' && !lark_) {
      text_.remove_prefix(1);
      return expression_of("[a-z]");
    }
    if (c == '(' || c == '[') {
      text_.remove_prefix(1);
      GrammarNode inner = alternation(depth + 1);
      if (!skip(c == '(' ? ")" : "]")) fail("unclosed group");
      return c == '(' ? inner : repeat(std::move(inner), 0, 1);
    }
    const std::string name(take_name(text_));
    if (name.empty()) {
      fail("unexpected " + std::string(1, c));
      return {};
    }
    const auto at = numbers_.find(name);
    if (at == numbers_.end()) fail("unknown rule " + name);
    GrammarNode node;
    node.kind = Kind::kRule;
    node.rule = at == numbers_.end() ? 0 : at->second;
    return node;
  }

  GrammarNode literal() {
    GrammarNode node;
    node.kind = Kind::kLiteral;
    node.literal = quoted();
    if (fault_) return node;
    if (text_.starts_with('i') && (text_.size() == 1 || !is_name(text_[1]))) text_.remove_prefix(1);
    skip_space();
    if (!lark_ || !skip("..")) return node;
    skip_space();
    const std::string to = text_.empty() ? std::string() : quoted();
    return expression_of("[" + node.literal + "-" + to + "]");
  }

  /// A string in quotes, without them.
  std::string quoted() {
    const char quote = text_.front();
    std::string out;
    std::size_t at = 1;
    while (at < text_.size() && text_[at] != quote) {
      char c = text_[at++];
      if (c == '\\' && at < text_.size()) {
        c = text_[at++];
        if (c == 'n') c = '\n';
        if (c == 't') c = '\t';
        if (c == 'r') c = '\r';
      }
      out += c;
    }
    if (at >= text_.size()) fail("unclosed string");
    text_.remove_prefix(at + 1);
    return out;
  }

  /// A class of characters or an expression between slashes.
  GrammarNode expression() {
    const bool slashes = text_.front() == '/';
    const char end = slashes ? '/' : ']';
    std::size_t at = 1;
    while (at < text_.size() && text_[at] != end) {
      at += text_[at] == '\\' ? 2 : 1;
    }
    if (at >= text_.size()) {
      fail(slashes ? "unclosed expression" : "unclosed class");
      return {};
    }
    const std::string inside(slashes ? text_.substr(1, at - 1) : text_.substr(0, at + 1));
    text_.remove_prefix(at + 1);
    // What is written fits without its flags too.
    while (slashes && !text_.empty() && std::string_view("imslux").find(text_.front()) != kNone) {
      text_.remove_prefix(1);
    }
    return expression_of(inside);
  }

  GrammarNode expression_of(const std::string& text) {
    GrammarNode node;
    node.kind = Kind::kExpression;
    auto parsed = RegexSample::parse(text);
    if (const auto* fault = std::get_if<RegexFault>(&parsed)) {
      fail(fault->reason);
    } else {
      node.expression = std::get<RegexSample>(std::move(parsed));
    }
    return node;
  }

  static GrammarNode repeat(GrammarNode inner, std::size_t least, std::size_t most) {
    GrammarNode node;
    node.kind = Kind::kRepeat;
    node.least = least;
    node.most = most;
    node.parts.push_back(std::move(inner));
    return node;
  }

  /// `inner` with the quantifiers that follow it.
  GrammarNode repeated(GrammarNode inner) {
    if (fault_) return inner;
    if (skip("*")) return repeated(repeat(std::move(inner), 0, kUnbounded));
    if (skip("+")) return repeated(repeat(std::move(inner), 1, kUnbounded));
    if (skip("?")) return repeated(repeat(std::move(inner), 0, 1));
    const bool braces = skip("{");
    if (!braces) {
      const std::string_view before = text_;
      skip_space();
      if (!lark_ || !skip("~")) {
        text_ = before;
        return inner;
      }
    }
    return counted(std::move(inner), braces);
  }

  /// What stands behind `{` (`2`, `2,` or `2,3`) or `~` (`2` or `2..3`).
  GrammarNode counted(GrammarNode inner, bool braces) {
    const auto least = number();
    auto most = least;
    skip_space();
    if (skip(braces ? "," : "..")) {
      most = number();
      if (!most && braces) most = kUnbounded;
    }
    skip_space();
    if (!least || !most || *least > *most || (braces && !skip("}"))) fail("invalid repetition");
    if (fault_) return inner;
    return repeat(std::move(inner), *least, *most);
  }

  std::optional<std::size_t> number() {
    skip_space();
    std::size_t value = 0;
    const auto end = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (end.ec != std::errc{}) return std::nullopt;
    text_.remove_prefix(static_cast<std::size_t>(end.ptr - text_.data()));
    return value;
  }

  static constexpr std::size_t kNone = std::string_view::npos;

  Bodies bodies_;
  std::map<std::string, std::size_t, std::less<>> numbers_;
  bool lark_ = false;
  std::string_view text_;  // what is left of the body that is being read
  std::optional<GrammarFault> fault_;
};

/// The height of a node, given those of the rules so far.
std::size_t measure(GrammarNode& node, const std::vector<std::size_t>& rules) {
  std::size_t height = 0;
  if (node.kind == Kind::kRule) height = rules[node.rule];
  if (node.kind == Kind::kAlternation) height = Grammar::kEndless;
  for (GrammarNode& part : node.parts) {
    const std::size_t own = measure(part, rules);
    height = node.kind == Kind::kAlternation ? std::min(height, own) : std::max(height, own);
  }
  if (node.kind == Kind::kRepeat && node.least == 0) height = 0;
  node.height = height;
  return height;
}

/// Finds the heights of all rules, up to the highest that is allowed.
void measure(Grammar& grammar) {
  std::vector<std::size_t> heights(grammar.rules.size(), Grammar::kEndless);
  bool changed = true;
  for (std::size_t round = 0; changed && round < kHeightMax; ++round) {
    changed = false;
    for (std::size_t i = 0; i < heights.size(); ++i) {
      const std::size_t own = measure(grammar.rules[i], heights);
      const std::size_t next = own == Grammar::kEndless ? own : own + 1;
      changed = changed || next != heights[i];
      heights[i] = next;
    }
  }
}

}  // namespace

std::variant<Grammar, GrammarFault> Grammar::parse(std::string_view text) {
  if (text.size() > kBytesMax) return GrammarFault{"the grammar is too long"};
  auto parsed = Parser(text).parse();
  if (auto* grammar = std::get_if<Grammar>(&parsed)) {
    measure(*grammar);
    if (grammar->rules[grammar->start].height >= kHeightMax) {
      return GrammarFault{"rules refer to each other without an end"};
    }
  }
  return parsed;
}

}  // namespace olla::sim
