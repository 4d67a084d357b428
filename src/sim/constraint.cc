#include "sim/constraint.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "sim/grammar_sample.h"
#include "sim/json_sample.h"
#include "sim/json_text.h"
#include "sim/regex_sample.h"

namespace olla::sim {
namespace {

using nlohmann::json;
using ConstraintKind = Constraint::Kind;
using Read = std::variant<std::optional<Constraint>, Answer>;

// Deeper than any schema in use, and little enough to be copied and printed on the stack.
constexpr std::size_t kNestedMax = 64;

struct Member {
  std::string_view name;
  ConstraintKind kind;
};
constexpr std::array<Member, 5> kStructured = {{{"json", ConstraintKind::kJson},
                                                {"regex", ConstraintKind::kRegex},
                                                {"choice", ConstraintKind::kChoice},
                                                {"grammar", ConstraintKind::kGrammar},
                                                {"json_object", ConstraintKind::kJsonObject}}};
constexpr std::array<Member, 5> kGuided = {{{"guided_json", ConstraintKind::kJson},
                                            {"guided_regex", ConstraintKind::kRegex},
                                            {"guided_choice", ConstraintKind::kChoice},
                                            {"guided_grammar", ConstraintKind::kGrammar},
                                            {"guided_json_object", ConstraintKind::kJsonObject}}};

constexpr std::string_view kTwoKinds =
    "You can only use one kind of constraints for structured outputs ('json', 'regex' or "
    "'choice').";

Answer refuse(std::string message) {
  ErrorBody error;
  error.message = std::move(message);
  return error_answer(error);
}

bool is_set(const json& holder, const Member& member) {
  const auto at = holder.find(member.name);
  if (at == holder.end() || at->is_null()) return false;
  return member.kind != ConstraintKind::kJsonObject || *at == true;
}

/// Notes what is wrong with the type of a member. Returns whether it is right.
bool check_type(Fields& fields, const Member& member, const std::string& place, const json& value) {
  switch (member.kind) {
    case ConstraintKind::kJson:
      if (value.is_object() || value.is_string() || value.is_boolean()) return true;
      fields.fail("string_type", place, "Input should be a valid string", value);
      return false;
    case ConstraintKind::kChoice:
      if (!value.is_array()) {
        fields.fail("list_type", place, "Input should be a valid list", value);
        return false;
      }
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i].is_string()) continue;
        fields.fail("string_type", place + "." + std::to_string(i),
                    "Input should be a valid string", value[i]);
        return false;
      }
      return true;
    default:
      if (value.is_string() || member.kind == ConstraintKind::kJsonObject) return true;
      fields.fail("string_type", place, "Input should be a valid string", value);
      return false;
  }
}

/// A constraint of the member's kind with a copy of its value, or the answer to a value that cannot
/// be copied safely.
Read make(ConstraintKind kind, const json& value) {
  if (nested_deeper(value, kNestedMax)) return refuse("Grammar error: schema is nested too deeply");
  return Constraint{kind, std::make_shared<const json>(value)};
}

Read only_member(Fields& fields, const json& holder, const std::array<Member, 5>& members,
                 const std::string& prefix) {
  for (const Member& member : members) {
    if (!is_set(holder, member)) continue;
    const json& value = *holder.find(member.name);
    if (!check_type(fields, member, prefix + std::string(member.name), value)) break;
    return make(member.kind, value);
  }
  return std::nullopt;
}

std::ptrdiff_t count_set(const json& holder, const std::array<Member, 5>& members) {
  return std::count_if(members.begin(), members.end(),
                       [&holder](const Member& member) { return is_set(holder, member); });
}

Read read_structured(Fields& fields, Kind kind, const json& outputs) {
  if (!outputs.is_object()) {
    fields.fail("dataclass_type", "structured_outputs",
                "Input should be a dictionary or an instance of StructuredOutputsParams", outputs);
    return std::nullopt;
  }
  const bool new_chat = fields.dialect() == Dialect::kNew && kind == Kind::kChat;
  const bool tagged = is_set(outputs, {"structural_tag", ConstraintKind::kJson});
  if (count_set(outputs, kStructured) + (tagged ? 1 : 0) > 1) {
    // Chats do not name the parameter, completions do.
    if (new_chat) return refuse(std::string(kTwoKinds));
    return fields.refuse(std::string(kTwoKinds), "structured_outputs");
  }
  if (tagged) {
    return parameter_answer({fields.dialect(),
                             "Invalid structured_outputs structural_tag specification.",
                             "structured_outputs",
                             {}});
  }
  return only_member(fields, outputs, kStructured, "structured_outputs.");
}

/// Every form of the member is tried, and each tells what it misses.
void fail_format(Fields& fields, const json& format) {
  const bool old = fields.dialect() == Dialect::kOld;
  const std::string place =
      old ? "response_format.function-wrap[__log_extra_fields__()]" : "response_format";
  const auto type = format.find("type");
  const auto fail_type = [&](std::string_view expected) {
    const std::string message = "Input should be " + std::string(expected);
    const std::string context = "{'expected': " + python_repr(expected) + "}";
    if (type == format.end()) {
      fields.fail("missing", place + ".type", "Field required", format);
    } else {
      fields.fail("literal_error", place + ".type", message, *type, context);
    }
  };
  fail_type("'text', 'json_object' or 'json_schema'");
  fail_type("'structural_tag'");
  if (!old) {
    fields.fail("missing", place + ".format", "Field required", format);
    fail_type("'structural_tag'");
  }
  fields.fail("missing", place + ".structures", "Field required", format);
  fields.fail("missing", place + ".triggers", "Field required", format);
}

Read read_format(Fields& fields, const json& format) {
  if (!format.is_object()) {
    fields.fail("model_attributes_type", "response_format",
                "Input should be a valid dictionary or object to extract fields from", format);
    return std::nullopt;
  }
  const auto type = format.find("type");
  if (type != format.end() && *type == "text") return std::nullopt;
  if (type != format.end() && *type == "json_object") {
    return make(ConstraintKind::kJsonObject, true);
  }
  if (type == format.end() || *type != "json_schema") {
    fail_format(fields, format);
    return std::nullopt;
  }
  const auto holder = format.find("json_schema");
  if (holder == format.end() || !holder->is_object() || !holder->contains("name")) {
    fields.fail("missing", "response_format.json_schema.name", "Field required", format);
    return std::nullopt;
  }
  const auto schema = holder->find("schema");
  if (schema == holder->end() || schema->is_null()) return std::nullopt;
  return make(ConstraintKind::kJson, *schema);
}

std::variant<std::string, Answer> schema_text(const json& schema, Random& random) {
  json parsed;
  if (schema.is_string()) {
    parsed = json::parse(schema.get_ref<const std::string&>(), nullptr, false);
    if (parsed.is_discarded()) return refuse("Grammar error: the schema is no JSON");
    if (nested_deeper(parsed, kNestedMax)) {
      return refuse("Grammar error: schema is nested too deeply");
    }
  }
  auto sample = json_sample(schema.is_string() ? parsed : schema, random);
  if (const auto* fault = std::get_if<SchemaFault>(&sample)) {
    return refuse("Grammar error: " + fault->reason);
  }
  return std::get<std::string>(std::move(sample));
}

/// The fault as the real server shows it, with the place marked below the expression.
Answer refuse_regex(const std::string& expression, const RegexFault& fault, Dialect dialect) {
  std::string message = "Grammar error: at 1(8): invalid regex ";
  append_json_string(message, expression);
  message += " (in regex): regex parse error:\n    " + expression + "\n    ";
  message += std::string(fault.position, ' ') + "^\nerror: " + fault.reason;
  message += "\n   1 | start: /" + expression + "/\n              ^";
  if (dialect == Dialect::kOld) message += '\n';
  return refuse(std::move(message));
}

}  // namespace

Read read_constraint(Fields& fields, Kind kind) {
  const json& body = fields.body();
  std::vector<Constraint> found;
  const auto take = [&found](Read read) -> std::optional<Answer> {
    if (auto* refused = std::get_if<Answer>(&read)) return std::move(*refused);
    auto& constraint = std::get<std::optional<Constraint>>(read);
    if (constraint) found.push_back(std::move(*constraint));
    return std::nullopt;
  };
  const json* outputs = fields.find("structured_outputs");
  if (outputs != nullptr) {
    if (auto refused = take(read_structured(fields, kind, *outputs))) return std::move(*refused);
  } else if (fields.dialect() == Dialect::kOld) {
    if (count_set(body, kGuided) > 1) {
      return refuse(
          "You can only use one kind of structured outputs constraint but multiple are specified");
    }
    if (auto refused = take(only_member(fields, body, kGuided, {}))) return std::move(*refused);
  }
  if (const json* format = fields.find("response_format")) {
    if (auto refused = take(read_format(fields, *format))) return std::move(*refused);
  }
  if (found.size() > 1) {
    return refuse(
        "You can only use one kind of structured outputs constraint but multiple are specified");
  }
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::variant<std::string, Answer> constrained_text(const Constraint& constraint, Dialect dialect,
                                                   Random& random) {
  const json& value = *constraint.value;
  switch (constraint.kind) {
    case ConstraintKind::kJson:
      return schema_text(value, random);
    case ConstraintKind::kJsonObject:
      return schema_text({{"type", "object"}, {"properties", {{"answer", {{"type", "string"}}}}}},
                         random);
    case ConstraintKind::kChoice:
      if (value.empty()) return refuse("Grammar error: choice must not be empty");
      return value[random.below(value.size())].get<std::string>();
    case ConstraintKind::kGrammar: {
      auto sample = grammar_sample(value.get_ref<const std::string&>(), random);
      if (const auto* fault = std::get_if<GrammarFault>(&sample)) {
        return refuse("Grammar error: " + fault->reason);
      }
      return std::get<std::string>(std::move(sample));
    }
    case ConstraintKind::kRegex:
      break;
  }
  const auto& expression = value.get_ref<const std::string&>();
  const auto parsed = RegexSample::parse(expression);
  if (const auto* fault = std::get_if<RegexFault>(&parsed)) {
    return refuse_regex(expression, *fault, dialect);
  }
  return std::get<RegexSample>(parsed).text(random);
}

}  // namespace olla::sim
