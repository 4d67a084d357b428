#include "config/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace olla::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// Ends the parse: yaml-cpp has no other way to be stopped. Never leaves parse_document().
struct Stop {
  std::size_t line;
  std::string message;
};

std::size_t line_of(const YAML::Mark& mark) {
  return mark.line < 0 ? 0 : static_cast<std::size_t>(mark.line) + 1;
}

/// Builds the tree from the parser's events.
///
/// The library's own tree is not used: it keeps no line for keys and drops duplicate keys, and its
/// parser recurses once per level, which only a handler that throws can bound.
class Builder : public YAML::EventHandler {
 public:
  /// `yaml` is what the parser reads; it must outlive the Builder.
  explicit Builder(std::string_view yaml) : yaml_(yaml) {}

  [[nodiscard]] ValuePtr root() const { return root_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    count(1, line_of(mark));
    place(make(Value::Kind::kNull, mark), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto target = anchors_.find(anchor);
    if (target == anchors_.end()) {
      throw Stop{line_of(mark), "the alias stands inside the value that it names"};
    }
    count(target->second->value_count, line_of(mark));
    place(target->second, YAML::NullAnchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    count(1, line_of(mark));
    check_tag(tag, mark);
    check_quote(mark);
    auto node = make(Value::Kind::kScalar, mark);
    node->text = value;
    // The parser gives "!" to scalars in quotes.
    node->is_string = tag == "!" || tag == kCoreTags + "str";
    place(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(make(Value::Kind::kSequence, mark), tag, anchor, mark);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(make(Value::Kind::kMapping, mark), tag, anchor, mark);
  }
  void OnMapEnd() override {
    merge(*open_.back().node);
    close();
  }

 private:
  struct Open {
    std::shared_ptr<Value> node;
    YAML::anchor_t anchor;
    bool has_key = false;  ///< A mapping's key came, its value did not.
    Entry entry;
  };

  static std::shared_ptr<Value> make(Value::Kind kind, const YAML::Mark& mark) {
    auto node = std::make_shared<Value>();
    node->kind = kind;
    node->line = line_of(mark);
    return node;
  }

  static void check_tag(const std::string& tag, const YAML::Mark& mark) {
    if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with(kCoreTags)) return;
    throw Stop{line_of(mark), "YAML tags are not used in this file"};
  }

  /// The parser takes a quote that is never closed for one that ends with the file, and the keys on
  /// the lines after it for text. Not seen behind an anchor or a tag, where `mark` is that of
  /// those.
  void check_quote(const YAML::Mark& mark) const {
    if (mark.pos < 0 || static_cast<std::size_t>(mark.pos) >= yaml_.size()) return;
    std::size_t at = static_cast<std::size_t>(mark.pos);
    const char quote = yaml_[at];
    if (quote != '"' && quote != '\'') return;
    for (++at; at < yaml_.size(); ++at) {
      const bool is_doubled = yaml_.substr(at).starts_with("''");
      if ((quote == '"' && yaml_[at] == '\\') || (quote == '\'' && is_doubled)) {
        ++at;
      } else if (yaml_[at] == quote) {
        return;
      }
    }
    throw Stop{line_of(mark), "a quote is never closed"};
  }

  /// Aliases count with all they stand for: a few lines of them can stand for billions of values.
  void count(std::size_t values, std::size_t line) {
    values_ += values;
    if (values_ <= kDocumentValuesMax) return;
    throw Stop{line, "the file holds more than " + std::to_string(kDocumentValuesMax) + " values"};
  }

  [[noreturn]] static void too_deep(std::size_t line) {
    throw Stop{line, "nested deeper than " + std::to_string(kDocumentDepthMax) + " levels"};
  }

  void open(std::shared_ptr<Value> node, const std::string& tag, YAML::anchor_t anchor,
            const YAML::Mark& mark) {
    count(1, line_of(mark));
    check_tag(tag, mark);
    if (open_.size() >= kDocumentDepthMax) too_deep(line_of(mark));
    open_.push_back({std::move(node), anchor, false, {}});
  }

  void close() {
    auto [node, anchor, has_key, entry] = std::move(open_.back());
    open_.pop_back();
    for (const ValuePtr& item : node->items)
      add_up(*node, *item);
    for (const Entry& member : node->entries)
      add_up(*node, *member.value);
    // Aliases can make a tree deeper than its text, and a tree is destroyed recursively.
    if (node->depth > kDocumentDepthMax) too_deep(node->line);
    place(std::move(node), anchor);
  }

  static void add_up(Value& parent, const Value& child) {
    parent.value_count += child.value_count;
    parent.depth = std::max(parent.depth, child.depth + 1);
  }

  void place(ValuePtr node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node->kind == Value::Kind::kSequence) {
      parent.node->items.push_back(std::move(node));
    } else if (parent.has_key) {
      parent.entry.value = std::move(node);
      parent.node->entries.push_back(std::exchange(parent.entry, {}));
      parent.has_key = false;
    } else {
      if (node->kind != Value::Kind::kScalar) throw Stop{node->line, "a key must be plain text"};
      parent.entry = {node->text, node->line, nullptr};
      parent.has_key = true;
    }
  }

  /// Replaces `<<: *anchor` by the anchor's members that the mapping does not have itself.
  void merge(Value& node) {
    std::vector<Entry> own;
    std::vector<Entry> merged;
    for (Entry& entry : node.entries)
      (entry.key == "<<" ? merged : own).push_back(std::move(entry));
    std::unordered_set<std::string> keys;
    for (const Entry& entry : own)
      keys.insert(entry.key);
    for (const Entry& entry : merged) {
      std::vector<ValuePtr> sources = {entry.value};
      if (entry.value->kind == Value::Kind::kSequence) sources = entry.value->items;
      for (const ValuePtr& source : sources) {
        if (source->kind != Value::Kind::kMapping) {
          throw Stop{entry.line, "<< takes a mapping or a list of mappings"};
        }
        count(source->value_count, entry.line);
        for (const Entry& member : source->entries)
          if (keys.insert(member.key).second) own.push_back(member);
      }
    }
    node.entries = std::move(own);
  }

  static inline const std::string kCoreTags = "tag:yaml.org,2002:";

  std::string_view yaml_;
  ValuePtr root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, ValuePtr> anchors_;
  std::size_t values_ = 0;
};

void report_duplicates(const Value& node, const std::string& path, Problems& problems) {
  std::unordered_map<std::string_view, std::size_t> lines;
  for (const Entry& entry : node.entries) {
    std::string member = path;
    if (!path.empty()) member += '.';
    member += printable(entry.key);
    const auto [first, is_new] = lines.try_emplace(entry.key, entry.line);
    if (!is_new) {
      problems.error(member, entry.line,
                     "is there twice; the first is on line " + std::to_string(first->second));
    }
    report_duplicates(*entry.value, member, problems);
  }
  std::size_t index = 0;
  for (const ValuePtr& item : node.items) {
    std::string member = path;
    member += "[" + std::to_string(index++) + "]";
    report_duplicates(*item, member, problems);
  }
}

/// May throw what yaml-cpp throws, and Stop.
ValuePtr build(std::string_view yaml) {
  std::istringstream in{std::string(yaml)};
  YAML::Parser parser(in);
  Builder builder(yaml);
  if (!parser.HandleNextDocument(builder) || builder.root() == nullptr) {
    return std::make_shared<Value>();
  }
  ValuePtr root = builder.root();
  Builder rest(yaml);
  if (parser.HandleNextDocument(rest)) {
    throw Stop{rest.root() == nullptr ? 0 : rest.root()->line,
               "the file holds a second YAML document"};
  }
  return root;
}

}  // namespace

const Entry* Value::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [key](const Entry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

ValuePtr parse_document(std::string_view yaml, Problems& problems) {
  if (yaml.size() > kDocumentBytesMax) {
    problems.error("", 0,
                   "the file is larger than " + std::to_string(kDocumentBytesMax) + " bytes");
    return nullptr;
  }
  // The parser also reads UTF-16 and UTF-32, but then its positions are not those of `yaml`.
  if (yaml.find('\0') != std::string_view::npos || yaml.starts_with("\xff") ||
      yaml.starts_with("\xfe")) {
    problems.error("", 0, "the file is not UTF-8 text");
    return nullptr;
  }
  if (yaml.starts_with(kByteOrderMark)) yaml.remove_prefix(kByteOrderMark.size());
  try {
    ValuePtr root = build(yaml);
    report_duplicates(*root, "", problems);
    return root;
  } catch (const Stop& stop) {
    problems.error("", stop.line, stop.message);
  } catch (const YAML::Exception& error) {
    problems.error("", line_of(error.mark), "not valid YAML: " + error.msg);
  } catch (const std::exception&) {
    problems.error("", 0, "not valid YAML");
  }
  return nullptr;
}

}  // namespace olla::config
