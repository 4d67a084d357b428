#include "sim/messages.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "sim/json_text.h"

namespace olla::sim {
namespace {

using nlohmann::json;
using Part = OutputParser::Part;

std::string event(std::string_view name, std::string_view data) {
  std::string out = "event: ";
  return out.append(name).append("\ndata: ").append(data).append("\n\n");
}

std::string_view stop_word(const Choice& choice) {
  if (choice.stop_reason) return "stop_sequence";
  if (choice.finish_reason == "tool_calls") return "tool_use";
  return choice.finish_reason == "length" ? "max_tokens" : "end_turn";
}

/// `{"id":...,"type":"message","role":"assistant","content":`
std::string opening(const Exchange& exchange) {
  std::string out = R"({"id":)";
  append_json_string(out, exchange.id);
  return out + R"(,"type":"message","role":"assistant","content":)";
}

std::string usage(const Exchange& exchange, std::size_t output_tokens) {
  return R"("usage":{"input_tokens":)" + std::to_string(exchange.prompt_tokens()) +
         R"(,"output_tokens":)" + std::to_string(output_tokens);
}

/// That of the whole answer, which may tell more.
std::string final_usage(const Exchange& exchange) {
  std::string out = usage(exchange, exchange.choices.front().tokens);
  if (exchange.prompt_tokens_details) {
    out += R"(,"cache_creation_input_tokens":)" + std::to_string(exchange.created_tokens());
    out += R"(,"cache_read_input_tokens":)" + std::to_string(exchange.cached_tokens());
  }
  return out + "}";
}

/// Anthropic signs thoughts; this is as good a signature as vLLM's.
std::string signature(Random& ids) {
  return hex16(ids.next()) + hex16(ids.next());
}

std::string index_member(const Exchange& exchange) {
  return R"(,"index":)" + std::to_string(exchange.block.index) + "}";
}

std::string delta_event(const Exchange& exchange, std::string_view type, std::string_view member,
                        std::string_view text) {
  std::string data = R"({"type":"content_block_delta","delta":{"type":)" + json_quoted(type);
  data.append(",\"").append(member).append("\":").append(json_quoted(text)).append("}");
  return event("content_block_delta", data + index_member(exchange));
}

/// Ends the block that is being sent, if any.
void close_block(Exchange& exchange, std::vector<std::string>& out) {
  if (!exchange.block.kind) return;
  if (exchange.block.kind == Part::Kind::kReasoning) {
    out.push_back(delta_event(exchange, "signature_delta", "signature", signature(exchange.ids)));
  }
  out.push_back(
      event("content_block_stop", R"({"type":"content_block_stop")" + index_member(exchange)));
  exchange.block.kind.reset();
  ++exchange.block.index;
}

void open_block(Exchange& exchange, const Part& part, std::vector<std::string>& out) {
  close_block(exchange, out);
  std::string data = R"({"type":"content_block_start","content_block":)";
  if (part.kind == Part::Kind::kContent) {
    data += R"({"type":"text","text":""})";
  } else if (part.kind == Part::Kind::kReasoning) {
    data += R"({"type":"thinking","thinking":""})";
  } else {
    const std::string& id = exchange.choices.front().parser.calls()[part.call].id;
    data += R"({"type":"tool_use","id":)" + json_quoted(id) + R"(,"name":)" +
            json_quoted(part.text) + R"(,"input":{}})";
  }
  out.push_back(event("content_block_start", data + index_member(exchange)));
  exchange.block.kind = part.kind;
}

std::string content_blocks(const Exchange& exchange) {
  const Choice& choice = exchange.choices.front();
  const OutputParser& parser = choice.parser;
  const std::string& text = parser.active() ? parser.content() : choice.output.all();
  std::string out;
  if (!parser.reasoning().empty()) {
    Random ids = exchange.ids;
    out += R"({"type":"thinking","thinking":)" + json_quoted(parser.reasoning()) +
           R"(,"signature":)" + json_quoted(signature(ids)) + "},";
  }
  if (!text.empty() || (out.empty() && parser.calls().empty())) {
    out += R"({"type":"text","text":)" + json_quoted(text) + "},";
  }
  for (const WrittenCall& call : parser.calls()) {
    const json input = json::parse(call.arguments, nullptr, false);
    out += R"({"type":"tool_use","id":)" + json_quoted(call.id) + R"(,"name":)" +
           json_quoted(call.name) + R"(,"input":)" + (input.is_discarded() ? "{}" : input.dump()) +
           "},";
  }
  out.pop_back();
  return out;
}

/// The text of a tool's result: a string, or parts of text.
json result_text(const json& block) {
  const auto content = block.find("content");
  return content == block.end() ? json("") : *content;
}

/// The messages of a chat that say the same as one of Anthropic's: its blocks are sorted by what a
/// chat has for them.
void append_as_chat(const json& message, json& out) {
  const auto content = message.is_object() ? message.find("content") : message.end();
  if (content == message.end() || !content->is_array()) {
    out.push_back(message);
    return;
  }
  json plain = message;
  json parts = json::array();
  json calls = json::array();
  for (const json& block : *content) {
    const json type = block.is_object() ? block.value("type", json()) : json();
    if (type == "tool_result") {
      out.push_back({{"role", "tool"}, {"content", result_text(block)}});
    } else if (type == "tool_use") {
      const json function = {{"name", block.value("name", json())},
                             {"arguments", block.value("input", json::object()).dump()}};
      calls.push_back({{"type", "function"}, {"function", function}});
    } else if (type != "thinking" && type != "redacted_thinking") {
      parts.push_back(block);
    }
  }
  const bool only_results = parts.empty() && calls.empty() && !content->empty();
  if (only_results) return;
  plain["content"] = std::move(parts);
  if (!calls.empty()) plain["tool_calls"] = std::move(calls);
  out.push_back(std::move(plain));
}

json tool_as_chat(const json& tool) {
  if (!tool.is_object()) return tool;
  json function = json::object();
  if (tool.contains("name")) function["name"] = tool["name"];
  if (tool.contains("description")) function["description"] = tool["description"];
  if (tool.contains("input_schema")) function["parameters"] = tool["input_schema"];
  return {{"type", "function"}, {"function", std::move(function)}};
}

json tool_choice_as_chat(const json& choice) {
  json type = choice.is_object() ? choice.value("type", json()) : json();
  if (type == "any") return "required";
  if (type == "tool") return {{"function", {{"name", choice.value("name", json())}}}};
  return type;
}

}  // namespace

Sampling read_message_options(Fields& fields) {
  Sampling sampling;
  sampling.dialect = fields.dialect();
  sampling.model = fields.string("model");
  sampling.tokens_max = fields.integer("max_tokens");
  if (fields.body().find("max_tokens") == fields.body().end()) fields.fail_missing("max_tokens");
  sampling.stop = fields.strings("stop_sequences", std::numeric_limits<std::size_t>::max());
  sampling.stream = fields.boolean("stream").value_or(false);
  sampling.temperature = fields.number("temperature");
  sampling.top_p = fields.number("top_p");
  sampling.top_k = fields.integer("top_k");
  return sampling;
}

json messages_as_chat(const json& body) {
  json chat = json::object();
  const auto messages = body.find("messages");
  if (messages != body.end() && messages->is_array()) {
    json& list = chat["messages"] = json::array();
    const auto system = body.find("system");
    if (system != body.end() && !system->is_null()) {
      list.push_back({{"role", "system"}, {"content", *system}});
    }
    for (const json& message : *messages) {
      append_as_chat(message, list);
    }
  } else if (messages != body.end()) {
    chat["messages"] = *messages;
  }
  const auto tools = body.find("tools");
  if (tools == body.end() || !tools->is_array()) return chat;
  for (const json& tool : *tools) {
    chat["tools"].push_back(tool_as_chat(tool));
  }
  const auto choice = body.find("tool_choice");
  if (choice != body.end()) {
    chat["tool_choice"] = tool_choice_as_chat(*choice);
    const json once =
        choice->is_object() ? choice->value("disable_parallel_tool_use", json()) : json();
    if (once == true) chat["parallel_tool_calls"] = false;
  }
  return chat;
}

std::string message_body(const Exchange& exchange) {
  const Choice& choice = exchange.choices.front();
  std::string out = opening(exchange) + "[" + content_blocks(exchange) + R"(],"model":)";
  append_json_string(out, exchange.model);
  out.append(R"(,"stop_reason":")").append(stop_word(choice)).append("\"");
  if (choice.stop_reason) {
    out += R"(,"stop_sequence":)";
    append_json_string(out, *choice.stop_reason);
  }
  return out + "," + final_usage(exchange) + "}";
}

std::vector<std::string> message_opening_events(const Exchange& exchange) {
  std::string start = R"({"type":"message_start","message":)" + opening(exchange);
  start += R"([],"model":)";
  append_json_string(start, exchange.model);
  start += R"(,"stop_reason":null,"stop_sequence":null,)" + usage(exchange, 0) + "}}}";
  return {event("message_start", start)};
}

std::vector<std::string> message_part_events(Exchange& exchange, const Part& part) {
  std::vector<std::string> out;
  const bool call = part.kind == Part::Kind::kCall || part.kind == Part::Kind::kArguments;
  // The arguments follow their call, whose block is already there.
  if (part.kind == Part::Kind::kCall || (!call && exchange.block.kind != part.kind)) {
    open_block(exchange, part, out);
  }
  if (part.kind == Part::Kind::kContent) {
    out.push_back(delta_event(exchange, "text_delta", "text", part.text));
  } else if (part.kind == Part::Kind::kReasoning) {
    out.push_back(delta_event(exchange, "thinking_delta", "thinking", part.text));
  } else if (part.kind == Part::Kind::kArguments) {
    out.push_back(delta_event(exchange, "input_json_delta", "partial_json", part.text));
  }
  return out;
}

std::vector<std::string> message_ending_events(Exchange& exchange) {
  const Choice& choice = exchange.choices.front();
  std::vector<std::string> out;
  if (!exchange.block.kind) open_block(exchange, {}, out);
  close_block(exchange, out);
  std::string delta = R"({"type":"message_delta","delta":{"stop_reason":")";
  delta += stop_word(choice);
  delta += R"(","stop_sequence":)";
  append_stop_reason(delta, choice);
  delta += "}," + final_usage(exchange) + "}";
  out.push_back(event("message_delta", delta));
  out.push_back(event("message_stop", R"({"type":"message_stop"})"));
  return out;
}

Answer message_error(Answer answer) {
  const json body = json::parse(answer.body, nullptr, false);
  const json::json_pointer type("/error/type");
  if (!body.is_object() || !body.contains(type) || body.at(type) == "Bad Request") return answer;
  std::string out = R"({"type":"error","error":{"type":)";
  append_json_string(out, body.at(type).get_ref<const std::string&>());
  out += R"(,"message":)";
  append_json_string(out, body.at(json::json_pointer("/error/message")).get<std::string>());
  Answer converted = json_answer(out + "}}");
  converted.status = answer.status;
  return converted;
}

std::string message_error_event(std::string_view message) {
  std::string data = R"({"type":"error","error":{"type":"internal_error","message":)";
  append_json_string(data, message);
  return event("error", data + "}}");
}

Answer message_count_answer(std::size_t tokens) {
  const std::string count = std::to_string(tokens);
  return json_answer(R"({"input_tokens":)" + count +
                     R"(,"context_management":{"original_input_tokens":)" + count + "}}");
}

}  // namespace olla::sim
