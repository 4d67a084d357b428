#include "sim/responses.h"

#include <nlohmann/json.hpp>

#include "sim/json_text.h"

namespace olla::sim {
namespace {

using nlohmann::json;

// A real server keeps all of them and grows; this one is made for long load tests.
constexpr std::size_t kStoredMax = 10'000;

Answer refuse(int status, std::string message) {
  ErrorBody error;
  error.status = status;
  error.type = "invalid_request_error";
  error.message = std::move(message);
  error.param = "response_id";
  return error_answer(error);
}

/// `"key":"value"` and a comma; the value as a JSON string.
void append_member(std::string& out, std::string_view key, std::string_view value) {
  append_json_string(out, key);
  out += ':';
  append_json_string(out, value);
  out += ',';
}

std::string content_part(std::string_view text, std::string_view logprobs) {
  std::string out = R"({"annotations":[],)";
  append_member(out, "text", text);
  out += R"("type":"output_text","logprobs":)";
  return out.append(logprobs).append("}");
}

std::string output_item(const Exchange& exchange, bool done) {
  std::string out = "{";
  append_member(out, "id", exchange.item_id);
  out += R"("content":[)";
  if (done) out += content_part(exchange.choices.front().output.all(), "null");
  out += R"(],"role":"assistant","status":")";
  out += done ? "completed" : "in_progress";
  return out + R"(","type":"message","phase":null})";
}

bool incomplete(const Exchange& exchange) {
  return exchange.choices.front().finish_reason == "length";
}

std::string usage(const Exchange& exchange) {
  const std::size_t input = exchange.prompt_tokens();
  const std::size_t output = exchange.completion_tokens();
  return R"({"input_tokens":)" + std::to_string(input) +
         R"(,"input_tokens_details":{"cached_tokens":)" + std::to_string(exchange.cached_tokens()) +
         R"(,"cache_write_tokens":0,)"
         R"("input_tokens_per_turn":[],"cached_tokens_per_turn":[]},"output_tokens":)" +
         std::to_string(output) +
         R"(,"output_tokens_details":{"reasoning_tokens":0,"tool_output_tokens":0,)"
         R"("output_tokens_per_turn":[],"tool_output_tokens_per_turn":[]},"total_tokens":)" +
         std::to_string(input + output) + "}";
}

/// An event: `members` and then its number and name, which the data repeats.
std::string event(Exchange& exchange, std::string_view name, const std::string& members) {
  std::string out = "event: ";
  out.append(name).append("\ndata: {").append(members);
  out += R"(,"sequence_number":)" + std::to_string(exchange.events++) + R"(,"type":)";
  append_json_string(out, name);
  return out + "}\n\n";
}

/// What events about the text have in common: `"content_index":0,"item_id":...,"output_index":0`
/// around `inner`.
std::string within_item(const Exchange& exchange, const std::string& before,
                        const std::string& after) {
  std::string out = R"("content_index":0,)" + before;
  out += R"("item_id":)";
  append_json_string(out, exchange.item_id);
  return out + "," + after;
}

std::string json_quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace

Sampling read_response_options(Fields& fields) {
  Sampling sampling;
  sampling.dialect = fields.dialect();
  sampling.model = fields.string("model");
  sampling.tokens_max = fields.integer("max_output_tokens");
  sampling.stream = fields.boolean("stream").value_or(false);
  sampling.temperature = fields.number("temperature");
  sampling.top_p = fields.number("top_p");
  if (fields.find("input") == nullptr) fields.fail_missing("input");
  return sampling;
}

json responses_as_chat(const json& body) {
  json messages = json::array();
  const auto instructions = body.find("instructions");
  if (instructions != body.end() && instructions->is_string()) {
    messages.push_back({{"role", "system"}, {"content", *instructions}});
  }
  const json& input = body.at("input");
  if (input.is_array()) {
    messages.insert(messages.end(), input.begin(), input.end());
  } else {
    messages.push_back({{"role", "user"}, {"content", input}});
  }
  return {{"messages", std::move(messages)}};
}

std::string response_body(const Exchange& exchange, bool done) {
  const Sampling& sampling = exchange.sampling;
  const bool cut = done && incomplete(exchange);
  std::string out = "{";
  append_member(out, "id", exchange.id);
  out += R"("created_at":)" + std::to_string(exchange.created);
  out += R"(,"incomplete_details":)";
  out += cut ? R"({"reason":"max_output_tokens"})" : "null";
  out += R"(,"instructions":null,"metadata":null,)";
  append_member(out, "model", exchange.model);
  out += R"("object":"response","output":[)";
  if (done) out += output_item(exchange, true);
  out += R"(],"parallel_tool_calls":true,"temperature":)";
  append_json_number(out, sampling.temperature.value_or(1));
  out += R"(,"tool_choice":"none","tools":[],"top_p":)";
  append_json_number(out, sampling.top_p.value_or(1));
  out += R"(,"background":false,"max_output_tokens":)";
  const std::size_t room = exchange.room;
  out += std::to_string(sampling.tokens_max.value_or(static_cast<std::int64_t>(room)));
  out += R"(,"max_tool_calls":null,"previous_response_id":)";
  out += exchange.previous_id ? json_quoted(*exchange.previous_id) : "null";
  out += R"(,"prompt":null,"reasoning":null,"service_tier":"auto","status":")";
  out += done ? (cut ? "incomplete" : "completed") : "in_progress";
  out += R"(","text":null,"top_logprobs":null,"truncation":"disabled","usage":)";
  out += done ? usage(exchange) : "null";
  return out + R"(,"user":null,"presence_penalty":0.0,"frequency_penalty":0.0,)"
               R"("kv_transfer_params":null,"ec_transfer_params":null,"input_messages":null,)"
               R"("output_messages":null})";
}

std::vector<std::string> response_opening_events(Exchange& exchange) {
  const std::string body = R"("response":)" + response_body(exchange, false);
  const std::string item = R"("item":)" + output_item(exchange, false) + R"(,"output_index":0)";
  const std::string part = R"("output_index":0,"part":)" + content_part("", "[]");
  std::vector<std::string> out;
  out.push_back(event(exchange, "response.created", body));
  out.push_back(event(exchange, "response.in_progress", body));
  out.push_back(event(exchange, "response.output_item.added", item));
  out.push_back(event(exchange, "response.content_part.added", within_item(exchange, {}, part)));
  return out;
}

std::string response_text_event(Exchange& exchange, std::string_view text) {
  return event(exchange, "response.output_text.delta",
               within_item(exchange, R"("delta":)" + json_quoted(text) + ",",
                           R"("logprobs":[],"output_index":0)"));
}

std::vector<std::string> response_ending_events(Exchange& exchange) {
  const std::string& text = exchange.choices.front().output.all();
  // The text comes after the number in this one event, so it is put together here.
  std::string done = R"("content_index":0,"item_id":)" + json_quoted(exchange.item_id);
  done = "event: response.output_text.done\ndata: {" + done +
         R"(,"logprobs":[],"output_index":0,"sequence_number":)" +
         std::to_string(exchange.events++) + R"(,"text":)" + json_quoted(text) +
         R"(,"type":"response.output_text.done"})" + "\n\n";
  const std::string part = R"("output_index":0,"part":)" + content_part(text, "null");
  const std::string item = R"("item":)" + output_item(exchange, true) + R"(,"output_index":0)";
  std::vector<std::string> out = {std::move(done)};
  out.push_back(event(exchange, "response.content_part.done", within_item(exchange, {}, part)));
  out.push_back(event(exchange, "response.output_item.done", item));
  out.push_back(
      event(exchange, "response.completed", R"("response":)" + response_body(exchange, true)));
  return out;
}

void ResponseStore::put(const std::string& id, std::string body) {
  if (bodies_.insert_or_assign(id, std::move(body)).second) order_.push_back(id);
  if (order_.size() <= kStoredMax) return;
  bodies_.erase(order_.front());
  order_.pop_front();
}

const std::string* ResponseStore::find(std::string_view id) const {
  const auto at = bodies_.find(std::string(id));
  return at == bodies_.end() ? nullptr : &at->second;
}

Answer stored_response(const ResponseStore& store, std::string_view id) {
  const std::string* body = store.find(id);
  return body == nullptr ? response_not_found(id) : json_answer(*body);
}

Answer cancel_response(const ResponseStore& store, std::string_view id) {
  if (store.find(id) == nullptr) return response_not_found(id);
  return refuse(400, "Cannot cancel a synchronous response.");
}

Answer response_not_found(std::string_view id) {
  return refuse(404, "Response with id '" + std::string(id) + "' not found.");
}

}  // namespace olla::sim
