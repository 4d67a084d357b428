#include "sim/grammar_sample.h"

#include <map>
#include <optional>
#include <utility>

#include "sim/regex_sample.h"

namespace olla::sim {
namespace {

constexpr std::size_t kNestedMax = 32;
constexpr std::size_t kBytesMax = 4096;
// Rules may double each other; this many parts are written at most.
constexpr std::size_t kPartsMax = 4096;

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

/// The right sides of all rules by their names. A line without a name belongs to the rule above it.
std::map<std::string, std::string, std::less<>> read_rules(std::string_view grammar) {
  std::map<std::string, std::string, std::less<>> rules;
  std::string* last = nullptr;
  while (!grammar.empty()) {
    const std::size_t end = std::min(grammar.find('\n'), grammar.size());
    const std::string_view line = trimmed(grammar.substr(0, end));
    grammar.remove_prefix(std::min(end + 1, grammar.size()));
    if (line.empty() || line.starts_with('#') || line.starts_with("//")) continue;
    std::size_t name = 0;
    while (name < line.size() && is_name(line[name])) {
      ++name;
    }
    const std::string_view rest = trimmed(line.substr(name));
    const std::size_t sign = rest.starts_with("::=") ? 3 : (rest.starts_with(':') ? 1 : 0);
    if (name > 0 && sign > 0) {
      last = &rules[std::string(line.substr(0, name))];
      *last = rest.substr(sign);
    } else if (last != nullptr) {
      last->append("\n").append(line);
    }
  }
  return rules;
}

class Sampler {
 public:
  Sampler(std::string_view grammar, Random& random)
      : rules_(read_rules(grammar)), random_(random) {}

  std::variant<std::string, GrammarFault> run() {
    const bool lark = !rules_.contains("root");
    rule(lark ? "start" : "root", 0);
    if (!fault_.empty()) return GrammarFault{fault_};
    return std::move(out_);
  }

 private:
  void fail(std::string reason) {
    if (fault_.empty()) fault_ = std::move(reason);
  }

  void rule(std::string_view name, std::size_t depth) {
    const auto at = rules_.find(name);
    if (depth > kNestedMax) return fail("rules refer to each other without an end");
    if (at == rules_.end()) return fail("unknown rule " + std::string(name));
    std::string_view text = at->second;
    sequence(text, depth, true);
    if (fault_.empty() && text.starts_with(')')) fail("unexpected ) in rule " + std::string(name));
  }

  /// Writes the first alternative, and takes all of them from `text`, up to a `)` or the end. The
  /// others are only skipped: with `writes` false.
  void sequence(std::string_view& text, std::size_t depth, bool writes) {
    if (depth > kNestedMax) return fail("nested too deeply");
    bool on = writes;
    while (fault_.empty()) {
      const std::size_t begin = text.find_first_not_of(" \t\r\n?*+");
      text.remove_prefix(std::min(begin, text.size()));
      if (text.empty() || text.front() == ')') return;
      if (text.front() == '|') {
        on = false;
        text.remove_prefix(1);
      } else {
        part(text, depth, on);
      }
    }
  }

  void part(std::string_view& text, std::size_t depth, bool writes) {
    if (++parts_ > kPartsMax || out_.size() > kBytesMax) return fail("the text gets too long");
    const char c = text.front();
    if (c == '"' || c == '\'') return literal(text, writes);
    if (c == '[' || c == '/') return expression(text, writes);
    if (c == '(') {
      text.remove_prefix(1);
      sequence(text, depth + 1, writes);
      if (!text.starts_with(')')) return fail("unclosed group");
      text.remove_prefix(1);
      return;
    }
    std::size_t size = 0;
    while (size < text.size() && is_name(text[size])) {
      ++size;
    }
    if (size == 0) return fail("unexpected " + std::string(1, c));
    const std::string_view name = text.substr(0, size);
    text.remove_prefix(size);
    if (writes) rule(name, depth + 1);
  }

  void literal(std::string_view& text, bool writes) {
    const char quote = text.front();
    std::size_t at = 1;
    while (at < text.size() && text[at] != quote) {
      char c = text[at++];
      if (c == '\\' && at < text.size()) {
        c = text[at++];
        if (c == 'n') c = '\n';
        if (c == 't') c = '\t';
        if (c == 'r') c = '\r';
      }
      if (writes) out_ += c;
    }
    if (at == text.size()) return fail("unclosed string");
    text.remove_prefix(at + 1);
  }

  /// A class of characters or an expression between slashes.
  void expression(std::string_view& text, bool writes) {
    const bool slashes = text.front() == '/';
    const char end = slashes ? '/' : ']';
    std::size_t at = 1;
    while (at < text.size() && text[at] != end) {
      at += text[at] == '\\' ? 2 : 1;
    }
    if (at >= text.size()) return fail(slashes ? "unclosed expression" : "unclosed class");
    const auto parsed =
        RegexSample::parse(slashes ? text.substr(1, at - 1) : text.substr(0, at + 1));
    text.remove_prefix(at + 1);
    if (const auto* fault = std::get_if<RegexFault>(&parsed)) return fail(fault->reason);
    if (writes) out_ += std::get<RegexSample>(parsed).text(random_);
  }

  std::map<std::string, std::string, std::less<>> rules_;
  Random& random_;
  std::string out_;
  std::string fault_;
  std::size_t parts_ = 0;
};

}  // namespace

std::variant<std::string, GrammarFault> grammar_sample(std::string_view grammar, Random& random) {
  return Sampler(grammar, random).run();
}

}  // namespace olla::sim
