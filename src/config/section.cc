#include "config/section.h"

#include <utility>

#include "base/check.h"
#include "config/ascii.h"
#include "config/units.h"

namespace olla::config {
namespace {

/// Stands for every mapping that is absent.
const Value& empty_node() {
  static const Value node;
  return node;
}

std::string join(std::string_view parent, std::string_view key) {
  if (parent.empty()) return std::string(key);
  return std::string(parent) + "." + std::string(key);
}

// More texts than this in one list are a mistake.
constexpr std::size_t kItemsMax = 1024;

}  // namespace

Section::Section(const Value& node, Place place, Problems& problems)
    : node_(&node), place_(std::move(place)), problems_(&problems) {
  if (node.kind == Value::Kind::kScalar || node.kind == Value::Kind::kSequence) {
    problems_->error(place_.path, place_.line, "must be a mapping (key: value)");
    node_ = &empty_node();
  }
  check_keys();
}

void Section::check_keys() const {
  for (const Entry& entry : node_->entries) {
    if (problems_->full()) return;
    const Key* key = find_key(join(place_.schema_path, entry.key));
    if (key == nullptr) {
      const std::string near = nearest_key(place_.schema_path, entry.key);
      const std::string hint = near.empty() ? "" : "; did you mean " + near + "?";
      problems_->error(join(place_.path, printable(entry.key)), entry.line, "unknown key" + hint);
    } else if (key->status == Key::Status::kIgnored && !is_in(key->silent, entry.value->text)) {
      problems_->warning(path_of(entry.key), entry.line,
                         "has no effect here: " + std::string(key->reason));
    }
  }
}

Section Section::section(std::string_view key) const {
  OLLA_CHECK(schema_of(key).kind == Kind::kMapping);
  const Entry* found = entry(key);
  return {found == nullptr ? empty_node() : *found->value,
          {path_of(key), join(place_.schema_path, key), line_of(key)},
          *problems_};
}

const Entry* Section::entry(std::string_view key) const {
  const Entry* found = node_->find(key);
  return found == nullptr || found->value->kind == Value::Kind::kNull ? nullptr : found;
}

std::optional<std::string> Section::text(std::string_view key) const {
  OLLA_CHECK(schema_of(key).kind == Kind::kText);
  const Value* value = scalar(key);
  if (value == nullptr) return std::nullopt;
  if (value->text.empty()) {
    error(key, "must not be empty");
    return std::nullopt;
  }
  return value->text;
}

std::optional<std::uint64_t> Section::integer(std::string_view key) const {
  const Key& schema = schema_of(key);
  OLLA_CHECK(schema.kind == Kind::kInteger);
  const Value* value = scalar(key);
  if (value == nullptr) return std::nullopt;
  const auto number = parse_whole_number(value->text);
  if (value->is_string || !number || *number < schema.min || *number > schema.max) {
    reject(key, *value, "must be a whole number, " + allowed_text(schema));
    return std::nullopt;
  }
  return *number;
}

std::optional<std::chrono::milliseconds> Section::duration(std::string_view key) const {
  const Key& schema = schema_of(key);
  OLLA_CHECK(schema.kind == Kind::kDuration);
  const Value* value = scalar(key);
  if (value == nullptr) return std::nullopt;
  const auto parsed = parse_duration(value->text);
  if (!parsed) {
    reject(key, *value, parsed.error().detail + "; allowed: " + allowed_text(schema));
    return std::nullopt;
  }
  const auto count = static_cast<std::uint64_t>(parsed->count());
  if (schema.zero_is_default && count == 0) return std::nullopt;
  if (count < schema.min || count > schema.max) {
    reject(key, *value, "is out of range; allowed: " + allowed_text(schema));
    return std::nullopt;
  }
  return *parsed;
}

std::optional<std::uint64_t> Section::size(std::string_view key) const {
  const Key& schema = schema_of(key);
  OLLA_CHECK(schema.kind == Kind::kSize);
  const Value* value = scalar(key);
  if (value == nullptr) return std::nullopt;
  const auto parsed = parse_size(value->text);
  if (!parsed) {
    reject(key, *value, parsed.error().detail + "; allowed: " + allowed_text(schema));
    return std::nullopt;
  }
  if (schema.zero_is_default && *parsed == 0) return std::nullopt;
  if (*parsed < schema.min || *parsed > schema.max) {
    reject(key, *value, "is out of range; allowed: " + allowed_text(schema));
    return std::nullopt;
  }
  return *parsed;
}

std::optional<bool> Section::boolean(std::string_view key) const {
  OLLA_CHECK(schema_of(key).kind == Kind::kBoolean);
  const Value* value = scalar(key);
  if (value == nullptr) return std::nullopt;
  // YAML 1.1 has the other words too, and an Olla file may use them.
  const std::string word = lower_ascii(value->text);
  if (!value->is_string && is_in("true, yes, on", word)) return true;
  if (!value->is_string && is_in("false, no, off", word)) return false;
  reject(key, *value, "must be true or false");
  return std::nullopt;
}

std::optional<std::string> Section::choice(std::string_view key) const {
  const Key& schema = schema_of(key);
  OLLA_CHECK(schema.kind == Kind::kChoice);
  const Value* value = scalar(key);
  if (value == nullptr) return std::nullopt;
  std::string word = lower_ascii(value->text);
  if (is_in(schema.choices, word)) return word;
  reject(key, *value, "must be one of: " + allowed_text(schema));
  return std::nullopt;
}

std::optional<std::vector<Section::Item>> Section::texts(std::string_view key) const {
  OLLA_CHECK(schema_of(key).kind == Kind::kList);
  const Entry* list = entry(key);
  if (list == nullptr) return std::nullopt;
  if (list->value->kind != Value::Kind::kSequence) {
    error(key, "must be a list of texts, such as [a, b]");
    return std::nullopt;
  }
  if (list->value->items.size() > kItemsMax) {
    error(key, "has more than " + std::to_string(kItemsMax) + " items");
    return std::nullopt;
  }
  std::vector<Item> items;
  for (const ValuePtr& value : list->value->items) {
    const Item item{value->text, value->line};
    if (value->kind != Value::Kind::kScalar || item.text.empty()) {
      error(key, item, "must hold texts that are not empty");
    } else {
      items.push_back(item);
    }
  }
  return items;
}

void Section::read(std::string_view key, std::uint32_t& out) const {
  if (const auto number = integer(key)) out = static_cast<std::uint32_t>(*number);
}

void Section::read(std::string_view key, bool& out) const {
  out = boolean(key).value_or(out);
}

void Section::read(std::string_view key, std::chrono::milliseconds& out) const {
  out = duration(key).value_or(out);
}

void Section::read(std::string_view key, std::vector<std::string>& out) const {
  const auto items = texts(key);
  if (!items) return;
  out.clear();
  for (const Item& item : *items)
    out.push_back(item.text);
}

void Section::read_unless_zero(std::string_view key, std::chrono::milliseconds& out) const {
  const auto value = duration(key);
  if (value && value->count() != 0) out = *value;
}

void Section::error(std::string_view key, const Item& item, std::string message) const {
  problems_->error(path_of(key), item.line, std::move(message));
}

void Section::error(std::string_view key, std::string message) const {
  problems_->error(path_of(key), line_of(key), std::move(message));
}

void Section::warning(std::string_view key, std::string message) const {
  problems_->warning(path_of(key), line_of(key), std::move(message));
}

std::string Section::path_of(std::string_view key) const {
  const Entry* found = node_->find(key);
  if (found != nullptr && !found->variable.empty()) return "$" + found->variable;
  return join(place_.path, key);
}

std::size_t Section::line_of(std::string_view key) const {
  const Entry* found = node_->find(key);
  return found == nullptr ? place_.line : found->line;
}

const Key& Section::schema_of(std::string_view key) const {
  const Key* found = find_key(join(place_.schema_path, key));
  OLLA_CHECK(found != nullptr && found->status == Key::Status::kImplemented);
  return *found;
}

const Value* Section::scalar(std::string_view key) const {
  const Entry* found = node_->find(key);
  if (found == nullptr) return nullptr;
  const Value& value = *found->value;
  if (value.kind == Value::Kind::kScalar) return &value;
  error(key, value.kind == Value::Kind::kNull
                 ? "has no value; give one or remove the line"
                 : "must be a single " + std::string(kind_text(schema_of(key).kind)));
  return nullptr;
}

void Section::reject(std::string_view key, const Value& value, std::string_view message) const {
  error(key, std::string(message) + "; got " + in_quotes(value.text));
}

}  // namespace olla::config
