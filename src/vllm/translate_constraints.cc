#include <string>

#include "openai/members.h"
#include "openai/request.h"
#include "vllm/translate_parts.h"
#include "vllm/translate_rules.h"

namespace olla::vllm {
namespace {

constexpr std::string_view kStructuredOutputs = "structured_outputs";
constexpr std::size_t kNone = kConstraints.size();

std::string_view guided_value(const Parameters& parameters, std::size_t constraint) {
  return parameters[static_cast<Parameter>(constraint)];
}

std::string structured_name(std::string_view member) {
  std::string name(kStructuredOutputs);
  name += '.';
  name += member;
  return name;
}

// What stands in `structured_outputs`. Values are JSON texts; empty: absent or null.
struct StructuredOutputs {
  bool is_object = false;
  std::array<std::string_view, kConstraints.size()> constraints = {};
  std::string_view json_object = {};
  std::string_view structural_tag = {};
  std::string_view whitespace_pattern = {};
  std::string_view disable_any_whitespace = {};
  std::string_view disable_additional_properties = {};
};

StructuredOutputs read_structured(std::string_view json) {
  StructuredOutputs structured;
  openai::MemberScanner members(json);
  openai::Member member;
  const auto take = [&member](std::string_view key, std::string_view& value) {
    if (openai::key_is(member.key, key)) value = member.value == "null" ? "" : member.value;
  };
  while (members.next(member)) {
    for (std::size_t i = 0; i < kConstraints.size(); ++i)
      take(kConstraints[i].structured, structured.constraints[i]);
    take("json_object", structured.json_object);
    take("structural_tag", structured.structural_tag);
    take("whitespace_pattern", structured.whitespace_pattern);
    take("disable_any_whitespace", structured.disable_any_whitespace);
    take("disable_additional_properties", structured.disable_additional_properties);
  }
  structured.is_object = !members.malformed();
  return structured;
}

// The type of a response_format that constrains the output too; empty when it does not.
std::string constraining_format(const Parameters& parameters) {
  openai::MemberScanner members(parameters[Parameter::kResponseFormat]);
  openai::Member member;
  std::string type;
  while (members.next(member)) {
    if (openai::key_is(member.key, "type")) type = text_of(member.value).value_or("");
  }
  return type == "text" ? "" : type;
}

// `one` is what the client wrote, with a dot before what stands inside of a parameter.
std::string two_kinds_error(std::string_view one, std::string_view other) {
  std::string message =
      "You can only use one kind of structured outputs constraint but multiple are specified: ";
  message += one;
  message += " and ";
  message += other;
  message += '.';
  return parameter_error(message, one.substr(0, one.find('.')));
}

// The 400 for a list with something else than texts in it. Nothing is built of the list: it may be
// as long as a body, and as deep.
std::optional<std::string> list_error(std::string_view name, std::string_view value) {
  if (value.front() != '[')
    return wrong_value_error({name, "list_type", "Input should be a valid list", value});
  openai::ElementScanner elements(value);
  std::string_view element;
  std::optional<std::string> error;
  for (std::size_t index = 0; elements.next(element); ++index) {
    if (element.front() == '"' || error) continue;
    const std::string element_name = std::string(name) + '.' + std::to_string(index);
    error =
        wrong_value_error({element_name, "string_type", "Input should be a valid string", element});
  }
  if (elements.malformed()) return std::nullopt;  // Broken JSON: the server says where.
  return error;
}

// The 400 for a value of the wrong type, which would otherwise name the other parameter, that the
// client never sent. `name` is the client's.
std::optional<std::string> type_error(std::string_view name, ValueType type,
                                      std::string_view value) {
  const bool is_text = value.front() == '"';
  switch (type) {
    case ValueType::kText:
      if (is_text) return std::nullopt;
      return wrong_value_error({name, "string_type", "Input should be a valid string", value});
    case ValueType::kTextOrObject:
      if (is_text || value.front() == '{') return std::nullopt;
      return wrong_value_error(
          {name, "dict_type", "Input should be a valid string or dictionary", value});
    case ValueType::kListOfTexts:
      break;
  }
  return list_error(name, value);
}

// The one kind of constraint that the client asks for, under either name; kNone when there is none.
// Two kinds end in a refusal.
std::size_t find_constraint(const Parameters& parameters, const StructuredOutputs& structured,
                            Draft& draft) {
  std::size_t found = kNone;
  std::string found_name;
  for (std::size_t i = 0; i < kConstraints.size(); ++i) {
    const bool guided = !guided_value(parameters, i).empty();
    if (!guided && structured.constraints[i].empty()) continue;
    const std::string name =
        guided ? std::string(kConstraints[i].guided) : structured_name(kConstraints[i].structured);
    if (found != kNone) {
      draft.refusal = two_kinds_error(found_name, name);
      return kNone;
    }
    found = i;
    found_name = name;
  }
  if (found == kNone) return kNone;
  if (openai::means_true(structured.json_object) || !structured.structural_tag.empty()) {
    draft.refusal = two_kinds_error(found_name, kStructuredOutputs);
  } else if (!constraining_format(parameters).empty()) {
    draft.refusal = two_kinds_error(found_name, "response_format");
  }
  return found;
}

void drop(std::string_view key, Draft& draft) {
  draft.edits.remove(key);
  draft.say(std::string(key) + " dropped");
}

// For a server that knows `structured_outputs` alone.
void to_structured(const Parameters& parameters, Draft& draft) {
  const std::string_view given = parameters[Parameter::kStructuredOutputs];
  const StructuredOutputs structured = read_structured(given);
  bool any_guided = parameters.has(Parameter::kGuidedWhitespacePattern);
  for (std::size_t i = 0; i < kConstraints.size(); ++i)
    any_guided = any_guided || !guided_value(parameters, i).empty();
  if (!any_guided) return;

  const std::size_t constraint = find_constraint(parameters, structured, draft);
  if (draft.refusal) return;
  const bool moves = constraint != kNone && given.empty();
  if (moves) {
    const Constraint& names = kConstraints[constraint];
    const std::string_view value = guided_value(parameters, constraint);
    draft.refusal = type_error(names.guided, names.type, value);
    if (draft.refusal) return;
    std::string object = "{";
    object += openai::json_quoted(names.structured);
    object += ':';
    object += value;
    // vLLM takes the pattern together with a constraint only, and it means JSON alone.
    const std::string_view pattern = parameters[Parameter::kGuidedWhitespacePattern];
    const bool with_pattern = !pattern.empty() && names.structured == "json";
    if (with_pattern) {
      draft.refusal = type_error("guided_whitespace_pattern", ValueType::kText, pattern);
      if (draft.refusal) return;
      object += R"(,"whitespace_pattern":)";
      object += pattern;
    }
    object += '}';
    draft.edits.remove(kStructuredOutputs);  // A null, which could come last.
    draft.edits.replace(names.guided, kStructuredOutputs, std::move(object));
    draft.say(names.to_structured);
    if (with_pattern) {
      draft.edits.remove("guided_whitespace_pattern");
      draft.say("guided_whitespace_pattern->structured_outputs.whitespace_pattern");
      return;
    }
  } else if (constraint != kNone && !guided_value(parameters, constraint).empty()) {
    // The client wrote it in both ways, for servers of either kind. (Or structured_outputs holds
    // no constraint at all: the server refuses that, which is better than to guess.)
    drop(kConstraints[constraint].guided, draft);
  }
  if (parameters.has(Parameter::kGuidedWhitespacePattern)) drop("guided_whitespace_pattern", draft);
}

// The options of structured_outputs that older servers have no parameter for.
void say_dropped_options(const StructuredOutputs& structured, Draft& draft) {
  if (openai::means_true(structured.disable_any_whitespace))
    draft.say("structured_outputs.disable_any_whitespace dropped");
  if (openai::means_true(structured.disable_additional_properties))
    draft.say("structured_outputs.disable_additional_properties dropped");
}

// {"json_object":true} is a response_format where there is no structured_outputs.
void to_response_format(const Parameters& parameters, const StructuredOutputs& structured,
                        Draft& draft) {
  const std::string format = constraining_format(parameters);
  if (!format.empty() && format != "json_object") {
    draft.refusal = two_kinds_error(kStructuredOutputs, "response_format");
    return;
  }
  draft.edits.remove("response_format");
  draft.edits.replace(kStructuredOutputs, "response_format", R"({"type":"json_object"})");
  draft.say("structured_outputs.json_object->response_format");
  say_dropped_options(structured, draft);
}

// For a server that does not know `structured_outputs` yet.
void to_guided(const Parameters& parameters, Draft& draft) {
  const std::string_view given = parameters[Parameter::kStructuredOutputs];
  if (given.empty()) return;
  if (given.front() != '{') {
    draft.refusal = wrong_value_error(
        {kStructuredOutputs, "dict_type", "Input should be a valid dictionary", given});
    return;
  }
  const StructuredOutputs structured = read_structured(given);
  if (!structured.is_object) return;  // Broken JSON: the server says where.
  if (!structured.structural_tag.empty()) {
    draft.refusal = parameter_error(
        "structured_outputs.structural_tag needs vLLM 0.11.0 or later, and the server of this "
        "model is older.",
        kStructuredOutputs);
    return;
  }
  const std::size_t constraint = find_constraint(parameters, structured, draft);
  if (draft.refusal) return;
  if (constraint == kNone && openai::means_true(structured.json_object)) {
    to_response_format(parameters, structured, draft);
    return;
  }
  if (constraint == kNone) {
    draft.refusal = parameter_error(
        "You must use one kind of structured outputs constraint but none are specified.",
        kStructuredOutputs);
    return;
  }
  const Constraint& names = kConstraints[constraint];
  if (!guided_value(parameters, constraint).empty()) {
    drop(kStructuredOutputs, draft);
    return;
  }
  const std::string_view value = structured.constraints[constraint];
  draft.refusal = type_error(structured_name(names.structured), names.type, value);
  if (draft.refusal) return;
  draft.edits.remove(names.guided);  // A null, which could come last.
  draft.edits.replace(kStructuredOutputs, names.guided, std::string(value));
  draft.say(names.to_guided);
  if (!structured.whitespace_pattern.empty()) {
    draft.edits.set("guided_whitespace_pattern", std::string(structured.whitespace_pattern));
    draft.say("structured_outputs.whitespace_pattern->guided_whitespace_pattern");
  }
  say_dropped_options(structured, draft);
}

bool takes_backend(const Version& version, std::string_view value) {
  if (version.is_at_least(kV1EngineSince)) return false;
  const auto text = text_of(value);
  if (!text) return true;  // Of the wrong type: the server says so.
  // Options may stand behind a colon, as in "xgrammar:no-fallback".
  const std::string_view backend = std::string_view(*text).substr(0, text->find(':'));
  if (backend == "xgrammar") return version.is_at_least(kXgrammarSince);
  return backend == "outlines" || backend == "lm-format-enforcer";
}

}  // namespace

void translate_constraints(const Parameters& parameters, const Version& version, Draft& draft) {
  if (version.is_at_least(kGuidedGoneSince)) {
    to_structured(parameters, draft);
  } else if (!version.is_at_least(kStructuredOutputsSince)) {
    to_guided(parameters, draft);
  }
  if (draft.refusal) return;
  const std::string_view backend = parameters[Parameter::kGuidedDecodingBackend];
  if (!backend.empty() && !takes_backend(version, backend))
    drop(name_of(Parameter::kGuidedDecodingBackend), draft);
}

}  // namespace olla::vllm
