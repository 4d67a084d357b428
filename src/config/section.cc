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

/// Whether `word` is one of `list`, which has ", " between its members.
bool is_in(std::string_view list, std::string_view word) {
  if (word.empty() || word.find(',') != std::string_view::npos) return false;
  const std::string padded = ", " + std::string(list) + ", ";
  return padded.find(", " + std::string(word) + ", ") != std::string::npos;
}

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
    } else if (key->status == Key::Status::kIgnored) {
      problems_->warning(join(place_.path, entry.key), entry.line,
                         "is a key of Olla that is not implemented yet; ignored");
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

void Section::error(std::string_view key, std::string message) const {
  problems_->error(path_of(key), line_of(key), std::move(message));
}

void Section::warning(std::string_view key, std::string message) const {
  problems_->warning(path_of(key), line_of(key), std::move(message));
}

std::string Section::path_of(std::string_view key) const {
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
