#include "sim/json_sample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

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
    if (depth > kNestedMax) fail("Schema is nested too deeply");
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
      refer(*at, depth);
      return true;
    }
    for (const char* key : {"anyOf", "oneOf"}) {
      const auto at = schema.find(key);
      if (at == schema.end()) continue;
      if (!at->is_array() || at->empty()) {
        fail(std::string(key) + " must be a list of schemas");
      } else {
        write(depth < kShallowMax ? at->front() : at->back(), depth + 1);
      }
      return true;
    }
    if (const auto at = schema.find("allOf"); at != schema.end()) {
      merge(schema, *at, depth);
      return true;
    }
    return false;
  }

  void append(const json& value) {
    // Strings of the body are valid UTF-8, so this does not throw.
    out_ += value.dump();
  }

  void refer(const json& reference, std::size_t depth) {
    if (!reference.is_string() || !reference.get_ref<const std::string&>().starts_with('#')) {
      fail("Only references within the schema are supported");
      return;
    }
    const json* target = &root_;
    std::string_view rest = reference.get_ref<const std::string&>();
    rest.remove_prefix(1);
    while (rest.starts_with('/') && target->is_object()) {
      rest.remove_prefix(1);
      const std::string name(rest.substr(0, rest.find('/')));
      rest.remove_prefix(name.size());
      const auto at = target->find(name);
      if (at == target->end()) break;
      target = &*at;
    }
    // A name that was not found leaves at least its parent behind: that is no schema of its own.
    if (!rest.empty() || (target == &root_ && reference != "#")) {
      fail("Unresolvable reference: " + reference.get<std::string>());
      return;
    }
    write(*target, depth + 1);
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
      if (!part.is_object()) continue;
      for (auto member = part.begin(); member != part.end(); ++member) {
        json& own = all[member.key()];
        if (own.is_object() && member->is_object()) {
          own.update(*member);
        } else if (own.is_array() && member->is_array()) {
          own.insert(own.end(), member->begin(), member->end());
        } else {
          own = *member;
        }
      }
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
    bool first = true;
    out_ += '{';
    const auto member = [&](const std::string& name, const json& of) {
      if (!first) out_ += ',';
      first = false;
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
      if (!properties.contains(name)) member(name, any);
    }
    out_ += '}';
  }

  void array(const json& schema, std::size_t depth) {
    const json any = true;
    const auto items = schema.find("items");
    const auto prefix = schema.find("prefixItems");
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
      write(i < fixed ? (*prefix)[i] : rest, depth + 1);
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

  void integer(const json& schema) {
    std::int64_t low = 0;
    std::int64_t high = kIntegerSpan;
    const auto minimum = bound(schema, "minimum");
    const auto above = bound(schema, "exclusiveMinimum");
    const auto maximum = bound(schema, "maximum");
    const auto below = bound(schema, "exclusiveMaximum");
    const bool has_low = minimum || above;
    if (minimum) low = static_cast<std::int64_t>(std::ceil(*minimum));
    if (above) low = static_cast<std::int64_t>(std::floor(*above)) + 1;
    if (maximum) high = static_cast<std::int64_t>(std::floor(*maximum));
    if (below) high = static_cast<std::int64_t>(std::ceil(*below)) - 1;
    const bool has_high = maximum || below;
    if (has_low && !has_high) high = low + kIntegerSpan;
    if (has_high && !has_low) low = std::min(low, high);
    if (low > high) {
      fail("Schema has no integer between its bounds");
      return;
    }
    const std::int64_t step = static_cast<std::int64_t>(count(schema, "multipleOf").value_or(1));
    if (step > 1) {
      const std::int64_t first = low >= 0 ? (low + step - 1) / step * step : low / step * step;
      if (first > high && has_high) fail("Schema has no integer between its bounds");
      out_ += std::to_string(first);
      return;
    }
    const auto span = static_cast<std::uint64_t>(high - low) + 1;
    out_ += std::to_string(low + static_cast<std::int64_t>(random_.below(span)));
  }

  void number(const json& schema) {
    const auto low_bound =
        bound(schema, "minimum") ? bound(schema, "minimum") : bound(schema, "exclusiveMinimum");
    const auto high_bound =
        bound(schema, "maximum") ? bound(schema, "maximum") : bound(schema, "exclusiveMaximum");
    const double low = low_bound.value_or(high_bound ? std::min(0.0, *high_bound - 1) : 0.0);
    const double high = high_bound.value_or(low + 1);
    if (low > high) {
      fail("Schema has no number between its bounds");
      return;
    }
    // Strictly between the two, so that exclusive bounds hold too.
    append_json_number(out_, low + (high - low) * (0.25 + 0.5 * random_.unit()));
  }

  void word() { append_json_string(out_, kWords[random_.below(kWords.size())]); }

  void string(const json& schema) {
    if (const auto at = schema.find("pattern"); at != schema.end() && at->is_string()) {
      const auto parsed = RegexSample::parse(at->get_ref<const std::string&>());
      if (const auto* fault = std::get_if<RegexFault>(&parsed)) {
        fail("pattern: " + fault->reason);
      } else {
        append_json_string(out_, std::get<RegexSample>(parsed).text(random_));
      }
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
};

}  // namespace

std::variant<std::string, SchemaFault> json_sample(const json& schema, Random& random) {
  return Sampler(schema, random).run();
}

}  // namespace olla::sim
