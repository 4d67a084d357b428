#include "sim/tools.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "sim/json_sample.h"
#include "sim/json_text.h"

namespace olla::sim {
namespace {

using nlohmann::json;
using Choice = ToolUse::Choice;

Answer refuse(std::string message) {
  ErrorBody error;
  error.message = std::move(message);
  return error_answer(error);
}

void check_tools(Fields& fields, const json& tools) {
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const std::string place = "tools." + std::to_string(i);
    const json& tool = tools[i];
    if (!tool.is_object()) {
      fields.fail("model_attributes_type", place,
                  "Input should be a valid dictionary or object to extract fields from", tool);
    } else if (const auto function = tool.find("function"); function == tool.end()) {
      fields.fail("missing", place + ".function", "Field required", tool);
    } else if (!function->is_object()) {
      fields.fail("model_attributes_type", place + ".function",
                  "Input should be a valid dictionary or object to extract fields from", *function);
    } else if (const auto name = function->find("name"); name == function->end()) {
      fields.fail("missing", place + ".function.name", "Field required", *function);
    } else if (!name->is_string()) {
      fields.fail("string_type", place + ".function.name", "Input should be a valid string", *name);
    }
  }
}

const std::string& name_of(const json& tool) {
  return tool.at("function").at("name").get_ref<const std::string&>();
}

const json* find_tool(const json& tools, std::string_view name) {
  const auto at = std::find_if(tools.begin(), tools.end(),
                               [name](const json& tool) { return name_of(tool) == name; });
  return at == tools.end() ? nullptr : &*at;
}

/// The schema of a tool's arguments, which are an object whatever it says.
json schema_of(const json& tool) {
  const auto at = tool.at("function").find("parameters");
  json schema = json::object();
  if (at != tool.at("function").end() && at->is_object()) schema = *at;
  if (!schema.contains("type") && !schema.contains("$ref") && !schema.contains("anyOf")) {
    schema["type"] = "object";
  }
  return schema;
}

/// Whether `arguments` are what a tool takes whose schema is a plain list of properties.
bool takes(const json* tool, const json& arguments) {
  if (tool == nullptr) return false;
  const json schema = schema_of(*tool);
  const json properties = schema.value("properties", json::object());
  const json required = schema.value("required", json::array());
  const auto given = [&arguments](const json& name) {
    return name.is_string() && arguments.contains(name.get<std::string>());
  };
  if (!properties.is_object() || !required.is_array()) return false;
  if (!std::all_of(required.begin(), required.end(), given)) return false;
  for (const auto& [name, value] : arguments.items()) {
    const auto property = properties.find(name);
    if (property == properties.end() || !property->is_object()) return false;
    const char* type = value.is_string() ? "string" : "integer";
    const std::size_t told = property->contains("description") ? 1 : 0;
    if (property->value("type", json()) != type || property->size() != 1 + told) return false;
  }
  return true;
}

bool takes_script(const json& tools, Script script) {
  const json* weather = find_tool(tools, "get_weather");
  if (script == Script::kTool) return takes(weather, {{"city", "Oslo"}, {"days", 2}});
  return takes(weather, {{"city", "Oslo"}}) &&
         takes(find_tool(tools, "get_time"), {{"zone", "Europe/Oslo"}});
}

/// JSON as Python writes it: with a space behind each comma and colon.
void append_spaced(std::string& out, const json& value) {
  const char* separator = "";
  if (value.is_object()) {
    out += '{';
    for (const auto& [name, member] : value.items()) {
      out += separator;
      append_json_string(out, name);
      out += ": ";
      append_spaced(out, member);
      separator = ", ";
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (const json& item : value) {
      out += separator;
      append_spaced(out, item);
      separator = ", ";
    }
    out += ']';
  } else {
    out += value.dump();
  }
}

struct Call {
  std::string_view name;
  std::string arguments;
};

std::variant<Call, Answer> call_of(const json& tool, Choice choice, Random& random) {
  auto sample = json_sample(schema_of(tool), random);
  Call call{name_of(tool), "{}"};
  if (const auto* fault = std::get_if<SchemaFault>(&sample)) {
    // Only the schema of a tool that has to be called becomes a grammar.
    if (choice != Choice::kAuto) return refuse("Grammar error: " + fault->reason);
    return call;
  }
  call.arguments.clear();
  append_spaced(call.arguments, json::parse(std::get<std::string>(sample)));
  return call;
}

void append_call(const Call& call, const Tokenizer& tokenizer, std::vector<TokenId>& out) {
  std::string text = "\n{\"name\": ";
  append_json_string(text, call.name);
  text += ", \"arguments\": " + call.arguments + "}\n";
  out.push_back(tokenizer.phrase("<tool_call>"));
  tokenizer.append(text, out);
  out.push_back(tokenizer.phrase("</tool_call>"));
}

/// The tools to call, in order.
std::vector<const json*> called(const ToolUse& use, Script script, Random& random) {
  const json& tools = *use.tools;
  if (use.choice == Choice::kNamed) return {find_tool(tools, use.named)};
  if (script == Script::kTools2 && use.parallel) return {&tools[0], &tools[tools.size() > 1]};
  if (script == Script::kTool || script == Script::kTools2) return {&tools[0]};
  return {&tools[random.below(tools.size())]};
}

}  // namespace

std::variant<ToolUse, Answer> read_tools(Fields& fields) {
  ToolUse use;
  const json* tools = fields.find("tools");
  const json* choice = fields.find("tool_choice");
  if (tools != nullptr && !tools->is_array()) {
    fields.fail("list_type", "tools", "Input should be a valid list", *tools);
    return use;
  }
  use.parallel = fields.boolean("parallel_tool_calls").value_or(true);
  if (tools != nullptr) check_tools(fields, *tools);
  if (fields.failed()) return use;
  const bool none = choice != nullptr && *choice == "none";
  if (tools == nullptr || tools->empty()) {
    if (choice == nullptr || none) return use;
    return fields.refuse("When using `tool_choice`, `tools` must be set.", "tool_choice");
  }
  use.tools = std::make_shared<const json>(*tools);
  if (none) return use;
  if (choice == nullptr || *choice == "auto") {
    use.choice = Choice::kAuto;
  } else if (*choice == "required") {
    use.choice = Choice::kRequired;
  } else {
    const json::json_pointer name("/function/name");
    const bool names =
        choice->is_object() && choice->contains(name) && choice->at(name).is_string();
    if (!names) {
      return fields.refuse(
          "Invalid value for `tool_choice`: " + python_value(*choice) +
              "! Only named tools, \"none\", \"auto\" or \"required\" are supported.",
          "tool_choice");
    }
    use.named = choice->at(name).get<std::string>();
    use.choice = Choice::kNamed;
    if (find_tool(*use.tools, use.named) == nullptr) {
      return fields.refuse(
          "The tool specified in `tool_choice` does not match any of the specified `tools`",
          "tool_choice");
    }
  }
  return use;
}

std::optional<Answer> check_parsers(const ToolUse& use, const ParserFlags& flags, Dialect dialect) {
  const bool has_parser = !flags.tool_call.empty();
  if (use.choice == Choice::kAuto && !(has_parser && flags.auto_tool_choice)) {
    return refuse(
        "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set");
  }
  if (use.choice <= Choice::kAuto || has_parser || dialect == Dialect::kOld) return std::nullopt;
  std::string choice = "\"required\"";
  if (use.choice == Choice::kNamed) {
    choice = "function ";
    append_json_string(choice, use.named);
  }
  return refuse("tool_choice=" + choice + " requires --tool-call-parser to be set");
}

std::optional<std::variant<std::vector<TokenId>, Answer>> tool_tokens(const ToolUse& use,
                                                                      Script script,
                                                                      const Tokenizer& tokenizer,
                                                                      Random& random) {
  const bool scripted = script == Script::kTool || script == Script::kTools2;
  if (!use.active() || (use.choice == Choice::kAuto && !scripted)) return std::nullopt;
  if (use.choice == Choice::kAuto && takes_script(*use.tools, script) &&
      (script == Script::kTool || use.parallel)) {
    return script_tokens(script, tokenizer);
  }
  std::vector<TokenId> out;
  if (script == Script::kTools2 && use.choice == Choice::kAuto) {
    out = {tokenizer.phrase("Let me "), tokenizer.phrase("look that up.\n")};
  }
  bool first = true;
  for (const json* tool : called(use, script, random)) {
    auto call = call_of(*tool, use.choice, random);
    if (auto* refused = std::get_if<Answer>(&call)) return std::move(*refused);
    if (!first) tokenizer.append("\n", out);
    first = false;
    append_call(std::get<Call>(call), tokenizer, out);
  }
  return out;
}

}  // namespace olla::sim
