#include "sim/json_sample.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "sim/json_text.h"
#include "sim/regex_sample.h"

namespace olla::sim {
namespace {

using nlohmann::json;

// A schema may refer to itself. From the first depth on the last way out is taken (which is null
// for an optional member) and nothing that is not required; at the second one it is given up.
constexpr std::size_t kShallowMax = 5;
constexpr std::size_t kNestedMax = 24;
// What one document may hold, so that a short schema cannot ask for gigabytes.
constexpr std::size_t kBytesMax = 16384;
constexpr std::int64_t kIntegerSpan = 100;  // from its lower bound, where nothing narrower is said
constexpr std::size_t kItemsExtraMax = 2;
// Of alternatives that lead nowhere the next one is tried; schemas looked at in all.
constexpr std::size_t kStepsMax = 20'000;
constexpr std::size_t kTriesMax = 50;  // for a text of the right length, or an item of its own

constexpr std::array<std::string_view, 10> kAnnotations = {
    "$schema", "$id",     "$defs",   "definitions", "$comment",
    "title",   "default", "example", "examples",    "description"};

/// Whether a schema says more than `key`, beyond what only explains it.
bool says_more(const json& schema, std::string_view key) {
  const auto items = schema.items();
  return std::any_of(items.begin(), items.end(), [key](const auto& member) {
    return member.key() != key &&
           std::find(kAnnotations.begin(), kAnnotations.end(), member.key()) == kAnnotations.end();
  });
}

/// Adds what `part` says to a schema: members of objects and items of lists are joined.
void join(json& schema, const json& part) {
  if (!part.is_object()) return;
  for (const auto& [key, value] : part.items()) {
    json& own = schema[key];
    if (own.is_object() && value.is_object()) {
      own.update(value);
    } else if (own.is_array() && value.is_array() && key == "required") {
      own.insert(own.end(), value.begin(), value.end());
    } else {
      own = value;
    }
  }
}

constexpr std::array<std::string_view, 12> kWords = {"queue", "cache",  "token",  "batch",
                                                     "model", "engine", "warm",   "steady",
                                                     "fair",  "quiet",  "stable", "bright"};

class Sampler {
 public:
  Sampler(const json& root, Random& random) : root_(root), random_(random) {}

  std::variant<std::string, SchemaFault> run() {
    write(root_, 0);
    if (!fault_.empty()) return SchemaFault{fault_};
    return std::move(out_);
  }

 private:
  void fail(std::string reason) {
    if (fault_.empty()) fault_ = std::move(reason);
  }

  void write(const json& schema, std::size_t depth) {
    if (depth > kNestedMax || ++steps_ > kStepsMax) fail("Schema is nested too deeply");
    if (out_.size() > kBytesMax) fail("Schema asks for too large a document");
    if (!fault_.empty()) return;
    if (schema.is_boolean() && schema.get<bool>()) {
      word();
      return;
    }
    if (!schema.is_object()) {
      fail("Schema must be an object, got " + std::string(schema.type_name()));
      return;
    }
    if (!write_combined(schema, depth)) write_type(schema, type_of(schema), depth);
  }

  /// Writes what other keywords than `type` decide; false when there is none.
  bool write_combined(const json& schema, std::size_t depth) {
    if (const auto at = schema.find("const"); at != schema.end()) {
      append(*at);
      return true;
    }
    if (const auto at = schema.find("enum"); at != schema.end()) {
      if (!at->is_array() || at->empty()) {
        fail("enum must be a list of values");
      } else {
        append((*at)[random_.below(at->size())]);
      }
      return true;
    }
    if (const auto at = schema.find("$ref"); at != schema.end()) {
      refer(schema, *at, depth);
      return true;
    }
    for (const char* key : {"anyOf", "oneOf"}) {
      const auto at = schema.find(key);
      if (at == schema.end()) continue;
      if (!at->is_array() || at->empty()) {
        fail(std::string(key) + " must be a list of schemas");
      } else {
        write_one_of(schema, key, *at, depth);
      }
      return true;
    }
    if (const auto at = schema.find("allOf"); at != schema.end()) {
      merge(schema, *at, depth);
      return true;
    }
    return false;
  }

  /// One of the alternatives: any while the document is shallow, and the last one that ends below.
  void write_one_of(const json& schema, const char* key, const json& alternatives,
                    std::size_t depth) {
    const std::size_t count = alternatives.size();
    const std::size_t first = depth < kShallowMax ? random_.below(count) : count - 1;
    const std::size_t size = out_.size();
    for (std::size_t i = 0; i < count; ++i) {
      const json& chosen = alternatives[(first + count - i) % count];
      fault_.clear();
      out_.resize(size);
      if (says_more(schema, key)) {
        json all = schema;
        all.erase(key);
        join(all, chosen);
        write(all, depth + 1);
      } else {
        write(chosen, depth + 1);
      }
      if (fault_.empty() || steps_ > kStepsMax) return;
    }
  }

  void append(const json& value) {
    // Strings of the body are valid UTF-8, so this does not throw.
    out_ += value.dump();
  }

  /// A part of a pointer without its escapes (RFC 6901, section 3).
  static std::string unescaped(std::string_view part) {
    std::string out;
    for (std::size_t i = 0; i < part.size(); ++i) {
      const bool escape = part[i] == '~' && i + 1 < part.size();
      if (escape) ++i;
      out += escape ? (part[i] == '1' ? '/' : '~') : part[i];
    }
    return out;
  }

  /// The member or item of that name, or nullptr.
  static const json* member_of(const json& value, const std::string& name) {
    if (value.is_object()) {
      const auto at = value.find(name);
      return at == value.end() ? nullptr : &*at;
    }
    std::size_t index = 0;
    const auto end = std::from_chars(name.data(), name.data() + name.size(), index);
    const bool whole = end.ec == std::errc{} && end.ptr == name.data() + name.size();
    return whole && value.is_array() && index < value.size() ? &value[index] : nullptr;
  }

  void refer(const json& schema, const json& reference, std::size_t depth) {
    if (!reference.is_string() || !reference.get_ref<const std::string&>().starts_with('#')) {
      fail("Only references within the schema are supported");
      return;
    }
    const json* target = &root_;
    std::string_view rest = reference.get_ref<const std::string&>();
    rest.remove_prefix(1);
    while (target != nullptr && rest.starts_with('/')) {
      rest.remove_prefix(1);
      const std::string_view part = rest.substr(0, rest.find('/'));
      rest.remove_prefix(part.size());
      target = member_of(*target, unescaped(part));
    }
    if (target == nullptr || !rest.empty()) {
      fail("Unresolvable reference: " + reference.get<std::string>());
    } else if (says_more(schema, "$ref") && target->is_object()) {
      json all = schema;
      all.erase("$ref");
      join(all, *target);
      write(all, depth + 1);
    } else {
      write(*target, depth + 1);
    }
  }

  /// All schemas of `allOf` and the one around them as one: members of objects are joined.
  void merge(const json& schema, const json& parts, std::size_t depth) {
    json all = schema;
    all.erase("allOf");
    if (!parts.is_array()) {
      fail("allOf must be a list of schemas");
      return;
    }
    if (parts.size() == 1 && all.size() <= 1) {
      write(parts.front(), depth + 1);
      return;
    }
    for (const json& part : parts) {
      join(all, part);
    }
    write(all, depth + 1);
  }

  static std::string type_of(const json& schema) {
    const auto at = schema.find("type");
    if (at != schema.end() && at->is_string()) return at->get<std::string>();
    if (at != schema.end() && at->is_array() && !at->empty() && at->front().is_string()) {
      return at->front().get<std::string>();
    }
    if (at != schema.end()) return "?";
    if (schema.contains("properties") || schema.contains("required")) return "object";
    if (schema.contains("items") || schema.contains("prefixItems")) return "array";
    if (schema.contains("minimum") || schema.contains("maximum")) return "number";
    return "string";
  }

  void write_type(const json& schema, const std::string& type, std::size_t depth) {
    if (type == "object") {
      object(schema, depth);
    } else if (type == "array") {
      array(schema, depth);
    } else if (type == "string") {
      string(schema);
    } else if (type == "integer") {
      integer(schema);
    } else if (type == "number") {
      number(schema);
    } else if (type == "boolean") {
      out_ += random_.below(2) == 0 ? "false" : "true";
    } else if (type == "null") {
      out_ += "null";
    } else {
      fail("Unsupported type in schema: " + type);
    }
  }

  void object(const json& schema, std::size_t depth) {
    const json none = json::object();
    const auto found = schema.find("properties");
    const json& properties = found != schema.end() && found->is_object() ? *found : none;
    std::vector<std::string> required;
    if (const auto at = schema.find("required"); at != schema.end() && at->is_array()) {
      for (const json& name : *at) {
        if (name.is_string()) required.push_back(name.get<std::string>());
      }
    }
    const auto is_required = [&required](const std::string& name) {
      return std::find(required.begin(), required.end(), name) != required.end();
    };
    const json any = true;
    const auto more = schema.find("additionalProperties");
    const json& others = more == schema.end() || *more == false ? any : *more;
    bool first = true;
    std::size_t members = 0;
    out_ += '{';
    const auto member = [&](const std::string& name, const json& of) {
      if (!first) out_ += ',';
      first = false;
      ++members;
      append_json_string(out_, name);
      out_ += ':';
      write(of, depth + 1);
    };
    for (auto at = properties.begin(); at != properties.end(); ++at) {
      if (depth < kShallowMax || is_required(at.key())) member(at.key(), *at);
      if (!fault_.empty()) return;
    }
    std::sort(required.begin(), required.end());
    required.erase(std::unique(required.begin(), required.end()), required.end());
    for (const std::string& name : required) {
      if (!properties.contains(name)) member(name, others);
    }
    const std::uint64_t least = count(schema, "minProperties").value_or(0);
    while (members < least && fault_.empty()) {
      member("more_" + std::to_string(members), others);
    }
    out_ += '}';
  }

  void array(const json& schema, std::size_t depth) {
    const json any = true;
    const auto items = schema.find(
        schema.contains("items") && schema["items"].is_array() ? "additionalItems" : "items");
    const auto prefix = schema.find(items == schema.find("items") ? "prefixItems" : "items");
    const bool unique = schema.value("uniqueItems", json()) == true;
    std::set<std::string> seen;
    const std::size_t fixed =
        prefix != schema.end() && prefix->is_array() ? prefix->size() : std::size_t{0};
    const std::size_t least =
        std::max(static_cast<std::size_t>(count(schema, "minItems").value_or(0)), fixed);
    const auto limit = count(schema, "maxItems");
    std::size_t most = limit ? static_cast<std::size_t>(*limit) : least + kItemsExtraMax;
    most = std::max(least, std::min(most, least + kItemsExtraMax));
    std::size_t length = least;
    const bool closed = items != schema.end() && *items == false;
    if (depth < kShallowMax && !closed) length += random_.below(most - least + 1);
    out_ += '[';
    for (std::size_t i = 0; i < length && fault_.empty(); ++i) {
      if (i > 0) out_ += ',';
      const json& rest = items == schema.end() ? any : *items;
      const std::size_t begin = out_.size();
      bool repeated = false;
      for (std::size_t tries = 0; tries == 0 || (repeated && tries < kTriesMax); ++tries) {
        out_.resize(begin);
        write(i < fixed ? (*prefix)[i] : rest, depth + 1);
        repeated = unique && !seen.insert(out_.substr(begin)).second;
      }
      if (!repeated) continue;
      out_.resize(begin - (i > 0 ? 1 : 0));
      if (i < least) fail("Schema has no " + std::to_string(least) + " different items");
      break;
    }
    out_ += ']';
  }

  /// A limit on a length: a number that is no whole or negative one counts as absent.
  static std::optional<std::uint64_t> count(const json& schema, const char* name) {
    const auto at = schema.find(name);
    if (at == schema.end() || !at->is_number_integer() || *at < 0) return std::nullopt;
    return std::min<std::uint64_t>(at->get<std::uint64_t>(), kBytesMax + 1);
  }

  static std::optional<double> bound(const json& schema, const char* name) {
    const auto at = schema.find(name);
    if (at == schema.end() || !at->is_number()) return std::nullopt;
    // Far beyond, doubles and integers do not go together.
    return std::clamp(at->get<double>(), -1e15, 1e15);
  }

  struct Bounds {
    std::optional<double> low;
    std::optional<double> high;
    bool above = false;  ///< `low` itself is none of them.
    bool below = false;  ///< Nor is `high`.
  };

  static Bounds bounds(const json& schema) {
    Bounds out;
    out.low = bound(schema, "minimum");
    out.high = bound(schema, "maximum");
    const auto above = bound(schema, "exclusiveMinimum");
    const auto below = bound(schema, "exclusiveMaximum");
    out.above = above && (!out.low || *above >= *out.low);
    out.below = below && (!out.high || *below <= *out.high);
    if (out.above) out.low = above;
    if (out.below) out.high = below;
    return out;
  }

  void integer(const json& schema) {
    const Bounds limits = bounds(schema);
    std::int64_t low = 0;
    std::int64_t high = kIntegerSpan;
    if (limits.low) low = static_cast<std::int64_t>(std::ceil(*limits.low));
    if (limits.above) low = static_cast<std::int64_t>(std::floor(*limits.low)) + 1;
    if (limits.high) high = static_cast<std::int64_t>(std::floor(*limits.high));
    if (limits.below) high = static_cast<std::int64_t>(std::ceil(*limits.high)) - 1;
    const auto step = static_cast<std::int64_t>(count(schema, "multipleOf").value_or(1));
    if (limits.low && !limits.high) high = low + kIntegerSpan * step;
    if (limits.high && !limits.low) low = std::min(low, high - step);
    if (step < 1) return fail("multipleOf must be greater than 0");
    const std::int64_t first = low / step + (low % step > 0 ? 1 : 0);
    const std::int64_t last = high / step - (high % step < 0 ? 1 : 0);
    if (first > last) return fail("Schema has no integer between its bounds");
    const auto span = static_cast<std::uint64_t>(last - first) + 1;
    out_ += std::to_string((first + static_cast<std::int64_t>(random_.below(span))) * step);
  }

  void number(const json& schema) {
    const Bounds limits = bounds(schema);
    const double low = limits.low.value_or(limits.high ? std::min(0.0, *limits.high - 1) : 0.0);
    const double high = limits.high.value_or(low + 1);
    const auto step = bound(schema, "multipleOf");
    if (low > high || (low == high && (limits.above || limits.below))) {
      return fail("Schema has no number between its bounds");
    }
    if (!step) {
      // Strictly between the two where there is room, so that exclusive bounds hold too.
      append_json_number(out_, low + (high - low) * (0.25 + 0.5 * random_.unit()));
      return;
    }
    if (*step <= 0) return fail("multipleOf must be greater than 0");
    double multiple = std::ceil(low / *step);
    if (limits.above && multiple * *step <= low) ++multiple;
    const double value = multiple * *step;
    if (value > high || (limits.below && value >= high)) {
      return fail("Schema has no number between its bounds");
    }
    append_json_number(out_, value);
  }

  void word() { append_json_string(out_, kWords[random_.below(kWords.size())]); }

  void string(const json& schema) {
    if (const auto at = schema.find("pattern"); at != schema.end() && at->is_string()) {
      pattern(schema, at->get_ref<const std::string&>());
      return;
    }
    if (const auto at = schema.find("format"); at != schema.end() && at->is_string()) {
      if (const auto text = of_format(at->get_ref<const std::string&>()); !text.empty()) {
        append_json_string(out_, text);
        return;
      }
    }
    const auto least = static_cast<std::size_t>(count(schema, "minLength").value_or(0));
    const auto most = static_cast<std::size_t>(count(schema, "maxLength").value_or(kBytesMax));
    std::string text(kWords[random_.below(kWords.size())]);
    while (text.size() < std::min(least, kBytesMax)) {
      text += ' ';
      text += kWords[random_.below(kWords.size())];
    }
    text.resize(std::max(std::min(text.size(), most), std::min(least, text.size())));
    append_json_string(out_, text);
  }

  void pattern(const json& schema, const std::string& expression) {
    const auto parsed = RegexSample::parse(expression);
    if (const auto* fault = std::get_if<RegexFault>(&parsed)) {
      return fail("pattern: " + fault->reason);
    }
    const std::uint64_t least = count(schema, "minLength").value_or(0);
    const std::uint64_t most = count(schema, "maxLength").value_or(kBytesMax);
    for (std::size_t tries = 0; tries < kTriesMax; ++tries) {
      const std::string text = std::get<RegexSample>(parsed).text(random_);
      const auto length = static_cast<std::uint64_t>(characters(text));
      if (length < least || length > most) continue;
      append_json_string(out_, text);
      return;
    }
    fail("pattern: no text of the length that the schema wants was found");
  }

  static std::string of_format(std::string_view format) {
    if (format == "date") return "2025-10-02";
    if (format == "time") return "12:30:00Z";
    if (format == "date-time") return "2025-10-02T12:30:00Z";
    if (format == "email") return "queue@example.com";
    if (format == "uri") return "https://example.com/queue";
    if (format == "uuid") return "2f1e8a4c-5b6d-4c3e-9a7f-0123456789ab";
    return {};
  }

  const json& root_;
  Random& random_;
  std::string out_;
  std::string fault_;
  std::size_t steps_ = 0;
};

}  // namespace

std::variant<std::string, SchemaFault> json_sample(const json& schema, Random& random) {
  return Sampler(schema, random).run();
}

}  // namespace olla::sim
