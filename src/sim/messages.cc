#include "sim/messages.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "sim/json_text.h"

namespace olla::sim {
namespace {

using nlohmann::json;

std::string event(std::string_view name, std::string_view data) {
  std::string out = "event: ";
  return out.append(name).append("\ndata: ").append(data).append("\n\n");
}

std::string_view stop_word(const Choice& choice) {
  if (choice.stop_reason) return "stop_sequence";
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
         R"(,"output_tokens":)" + std::to_string(output_tokens) + "}";
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
  if (const auto at = body.find("messages"); at != body.end()) chat["messages"] = *at;
  const auto system = body.find("system");
  if (system != body.end() && !system->is_null() && chat["messages"].is_array()) {
    json& messages = chat["messages"];
    const json first = {{"role", "system"}, {"content", *system}};
    messages.insert(messages.begin(), first);
  }
  return chat;
}

std::string message_body(const Exchange& exchange) {
  const Choice& choice = exchange.choices.front();
  std::string out = opening(exchange) + R"([{"type":"text","text":)";
  append_json_string(out, choice.output.all());
  out += R"(}],"model":)";
  append_json_string(out, exchange.model);
  out.append(R"(,"stop_reason":")").append(stop_word(choice)).append("\"");
  if (choice.stop_reason) {
    out += R"(,"stop_sequence":)";
    append_json_string(out, *choice.stop_reason);
  }
  return out + "," + usage(exchange, choice.tokens) + "}";
}

std::vector<std::string> message_opening_events(const Exchange& exchange) {
  std::string start = R"({"type":"message_start","message":)" + opening(exchange);
  start += R"([],"model":)";
  append_json_string(start, exchange.model);
  start += R"(,"stop_reason":null,"stop_sequence":null,)" + usage(exchange, 0) + "}}";
  return {event("message_start", start),
          event("content_block_start", R"({"type":"content_block_start",)"
                                       R"("content_block":{"type":"text","text":""},"index":0})")};
}

std::string message_text_event(std::string_view text) {
  std::string data = R"({"type":"content_block_delta","delta":{"type":"text_delta","text":)";
  append_json_string(data, text);
  return event("content_block_delta", data + R"(},"index":0})");
}

std::vector<std::string> message_ending_events(const Exchange& exchange) {
  const Choice& choice = exchange.choices.front();
  std::string delta = R"({"type":"message_delta","delta":{"stop_reason":")";
  delta += stop_word(choice);
  delta += R"(","stop_sequence":)";
  append_stop_reason(delta, choice);
  delta += "}," + usage(exchange, choice.tokens) + "}";
  return {event("content_block_stop", R"({"type":"content_block_stop","index":0})"),
          event("message_delta", delta), event("message_stop", R"({"type":"message_stop"})")};
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
