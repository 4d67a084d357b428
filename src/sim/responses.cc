#include "sim/responses.h"

#include <nlohmann/json.hpp>

#include "sim/json_text.h"
#include "sim/models.h"

namespace olla::sim {
namespace {

using nlohmann::json;
using Part = OutputParser::Part;

// A real server keeps all of them and grows; this one is made for long load tests.
constexpr std::size_t kStoredMax = 10'000;

constexpr std::string_view kMessages = R"(,"input_messages":null,"output_messages":null)";

Answer refuse(int status, std::string message, Dialect dialect) {
  ErrorBody error;
  error.status = status;
  error.type = "invalid_request_error";
  error.message = std::move(message);
  if (dialect == Dialect::kNew) error.param = "response_id";
  return error_answer(error);
}

bool is_old(const Exchange& exchange) {
  return exchange.dialect == Dialect::kOld;
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

/// One part of the output, on its way or `done`.
struct Item {
  Part::Kind kind = Part::Kind::kContent;
  std::string_view id;
  std::string_view text;  ///< Of a call the arguments.
  bool done = true;
  std::string_view status = "\"completed\"";
  const WrittenCall* call = nullptr;
  bool old = false;  ///< Of an old version.
  bool streams = false;
};

std::string message_item(const Item& item) {
  std::string out = "{";
  append_member(out, "id", item.id);
  out += R"("content":[)";
  if (item.done) out += content_part(item.text, "null");
  out += R"(],"role":"assistant","status":)";
  out.append(item.status).append(R"(,"type":"message")");
  if (!item.old) return out + R"(,"phase":null})";
  return out + (item.streams && item.done ? R"(,"summary":[]})" : "}");
}

std::string reasoning_part(std::string_view text) {
  std::string out = "{";
  append_member(out, "text", text);
  return out + R"("type":"reasoning_text"})";
}

std::string reasoning_item(const Item& item) {
  std::string out = "{";
  append_member(out, "id", item.id);
  out += R"("summary":[],"type":"reasoning","content":)";
  out += item.done ? "[" + reasoning_part(item.text) + "]" : "null";
  return out.append(R"(,"encrypted_content":null,"status":)").append(item.status).append("}");
}

std::string call_item(const Item& item) {
  std::string out = "{";
  append_member(out, "arguments", item.text);
  append_member(out, "call_id", item.call->id);
  append_member(out, "name", item.call->name);
  out += R"("type":"function_call",)";
  append_member(out, "id", item.id);
  if (!item.old) out += R"("async":null,"caller":null,"namespace":null,)";
  return out.append(R"("status":)").append(item.status).append("}");
}

std::string item_text(const Item& item) {
  if (item.kind == Part::Kind::kReasoning) return reasoning_item(item);
  return item.kind == Part::Kind::kContent ? message_item(item) : call_item(item);
}

/// "8-4-4-4-12" digits of an id.
std::string with_dashes(std::string id) {
  for (const std::size_t at : {20U, 16U, 12U, 8U})
    id.insert(at, "-");
  return id;
}

std::string item_id(const Exchange& exchange, Part::Kind kind, Random& ids) {
  const std::string id = make_id(exchange.dialect, ids);
  if (is_old(exchange) && exchange.sampling.stream) return with_dashes(id.substr(0, 32));
  if (kind == Part::Kind::kReasoning) return "rs_" + id;
  return (kind == Part::Kind::kContent ? "msg_" : "fc_") + id;
}

/// All items of an answer that was not streamed.
std::string whole_output(const Exchange& exchange) {
  Random ids = exchange.ids;
  const Choice& choice = exchange.choices.front();
  const OutputParser& parser = choice.parser;
  const std::string& text = parser.active() ? parser.content() : choice.output.all();
  std::string out;
  const auto append = [&](Item item) {
    const std::string id = item_id(exchange, item.kind, ids);
    item.id = id;
    item.old = is_old(exchange);
    if (!out.empty()) out += ',';
    out += item_text(item);
  };
  if (!parser.reasoning().empty()) {
    append({Part::Kind::kReasoning, {}, parser.reasoning(), true, "null"});
  }
  if (!text.empty() || (out.empty() && parser.calls().empty())) {
    append({Part::Kind::kContent, {}, text});
  }
  for (const WrittenCall& call : parser.calls()) {
    append({Part::Kind::kCall, {}, call.arguments, true, "\"completed\"", &call});
  }
  return out;
}

std::string output(const Exchange& exchange) {
  if (!exchange.sampling.stream) return whole_output(exchange);
  std::string out;
  if (is_old(exchange)) return out;
  for (const std::string& item : exchange.items) {
    if (!out.empty()) out += ',';
    out += item;
  }
  return out;
}

/// The tools as the object repeats them, with all that vLLM knows of a function.
std::string tools_text(const Exchange& exchange) {
  std::string out = "[";
  for (const json& tool : exchange.tools.tools ? *exchange.tools.tools : json::array()) {
    const json& function = tool.at("function");
    if (out.size() > 1) out += ',';
    out += R"({"name":)" + function.at("name").dump();
    out += R"(,"parameters":)" + function.value("parameters", json()).dump();
    out += R"(,"strict":)" + function.value("strict", json()).dump();
    out += R"(,"type":"function","allowed_callers":null,"async":null,"defer_loading":null,)"
           R"("description":)" +
           function.value("description", json()).dump() + R"(,"output_schema":null})";
  }
  return out + "]";
}

std::string tool_choice_text(const Exchange& exchange) {
  const ToolUse& use = exchange.tools;
  if (use.choice == ToolUse::Choice::kAuto) return "\"auto\"";
  if (use.choice == ToolUse::Choice::kRequired) return "\"required\"";
  if (use.choice == ToolUse::Choice::kNone) return is_old(exchange) ? "\"auto\"" : "\"none\"";
  std::string out = "{";
  append_member(out, "name", use.named);
  return out + R"("type":"function"})";
}

bool incomplete(const Exchange& exchange) {
  return exchange.choices.front().finish_reason == "length";
}

std::string usage(const Exchange& exchange) {
  const std::size_t input = exchange.prompt_tokens();
  const std::size_t output = exchange.completion_tokens();
  if (is_old(exchange)) {
    return R"({"input_tokens":)" + std::to_string(input) +
           R"(,"input_tokens_details":{"cached_tokens":)" +
           std::to_string(exchange.cached_tokens()) + R"(},"output_tokens":)" +
           std::to_string(output) + R"(,"output_tokens_details":{"reasoning_tokens":)" +
           std::to_string(exchange.reasoning_tokens()) +
           R"(,"tool_output_tokens":0},"total_tokens":)" + std::to_string(input + output) + "}";
  }
  return R"({"input_tokens":)" + std::to_string(input) +
         R"(,"input_tokens_details":{"cached_tokens":)" + std::to_string(exchange.cached_tokens()) +
         R"(,"cache_write_tokens":0,)"
         R"("input_tokens_per_turn":[],"cached_tokens_per_turn":[]},"output_tokens":)" +
         std::to_string(output) + R"(,"output_tokens_details":{"reasoning_tokens":)" +
         std::to_string(exchange.reasoning_tokens()) +
         R"(,"tool_output_tokens":0,)"
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

/// `"content_index":0,`. An old version counts the events of an item instead.
std::string content_index(Exchange& exchange) {
  const std::size_t index = is_old(exchange) ? exchange.block.events++ : 0;
  return R"("content_index":)" + std::to_string(index) + ",";
}

/// `"content_index":0,` and the item and its place, with `middle` between them.
std::string place(const Exchange& exchange, const std::string& middle = {}) {
  return middle + R"("item_id":)" + json_quoted(exchange.block.id) + R"(,"output_index":)" +
         std::to_string(exchange.block.index);
}

/// An event whose text comes behind its number, unlike in all others.
std::string done_event(Exchange& exchange, const std::string& name, const std::string& before,
                       const std::string& member) {
  std::string out = "event: " + name + "\ndata: {" + before;
  out += R"(,"sequence_number":)" + std::to_string(exchange.events++) + ",";
  append_member(out, member, exchange.block.text);
  return out + R"("type":")" + name + "\"";
}

Item current_item(const Exchange& exchange, bool done) {
  const Exchange::Block& block = exchange.block;
  Item item{*block.kind, block.id, done ? block.text : std::string_view(), done};
  if (!done) item.status = "\"in_progress\"";
  item.old = is_old(exchange);
  item.streams = true;
  const auto& calls = exchange.choices.front().parser.calls();
  if (*block.kind == Part::Kind::kCall) item.call = &calls[block.call];
  return item;
}

std::string item_members(const Exchange& exchange, bool done) {
  return R"("item":)" + item_text(current_item(exchange, done)) + R"(,"output_index":)" +
         std::to_string(exchange.block.index);
}

/// `"content_index":0,"item_id":...,"output_index":0,"part":...`
std::string part_members(Exchange& exchange, std::string_view text, std::string_view logprobs) {
  const bool thought = exchange.block.kind == Part::Kind::kReasoning;
  return place(exchange, content_index(exchange)) + R"(,"part":)" +
         (thought ? reasoning_part(text) : content_part(text, logprobs));
}

void open_item(Exchange& exchange, const Part& part, std::vector<std::string>& out) {
  exchange.block.kind = part.kind;
  exchange.block.call = part.call;
  exchange.block.text.clear();
  exchange.block.events = 0;
  exchange.block.id = item_id(exchange, part.kind, exchange.ids);
  out.push_back(event(exchange, "response.output_item.added", item_members(exchange, false)));
  if (part.kind == Part::Kind::kCall) return;
  out.push_back(event(exchange, "response.content_part.added", part_members(exchange, {}, "[]")));
}

std::string text_delta(Exchange& exchange, std::string_view text) {
  const std::string members = content_index(exchange) + R"("delta":)" + json_quoted(text) +
                              R"(,"item_id":)" + json_quoted(exchange.block.id) +
                              R"(,"logprobs":[],"output_index":)" +
                              std::to_string(exchange.block.index);
  return event(exchange, "response.output_text.delta", members);
}

/// Ends the item that is being sent, if any.
void close_item(Exchange& exchange, std::vector<std::string>& out) {
  Exchange::Block& block = exchange.block;
  if (!block.kind) return;
  if (block.kind == Part::Kind::kCall) {
    std::string data = R"("arguments":)" + json_quoted(block.text) + "," + place(exchange);
    const std::string& name = exchange.choices.front().parser.calls()[block.call].name;
    std::string done = event(exchange, "response.function_call_arguments.done", data);
    done.resize(done.size() - 3);  // "}" and the empty line: this one goes on
    out.push_back(done + R"(,"name":)" + json_quoted(name) + "}\n\n");
  } else if (block.kind == Part::Kind::kReasoning) {
    out.push_back(done_event(exchange, "response.reasoning_text.done",
                             place(exchange, content_index(exchange)), "text") +
                  "}\n\n");
  } else {
    if (is_old(exchange)) out.push_back(text_delta(exchange, {}));
    const std::string before = content_index(exchange) + R"("item_id":)" + json_quoted(block.id) +
                               R"(,"logprobs":[],"output_index":)" + std::to_string(block.index);
    out.push_back(done_event(exchange, "response.output_text.done", before, "text") + "}\n\n");
  }
  if (block.kind != Part::Kind::kCall) {
    const std::string members = part_members(exchange, block.text, "null");
    out.push_back(event(exchange, "response.content_part.done", members));
  }
  exchange.items.push_back(item_text(current_item(exchange, true)));
  out.push_back(event(exchange, "response.output_item.done", item_members(exchange, true)));
  block.kind.reset();
  ++block.index;
}

json tool_as_chat(const json& tool) {
  if (!tool.is_object()) return tool;
  json function = tool;
  function.erase("type");
  return {{"type", "function"}, {"function", std::move(function)}};
}

/// The message of a chat that says the same as one item of the input; null for what has none.
json item_as_message(const json& item) {
  const json type = item.is_object() ? item.value("type", json()) : json();
  if (type == "reasoning") return nullptr;
  if (type == "function_call_output") {
    return {{"role", "tool"}, {"content", item.value("output", json(""))}};
  }
  if (type != "function_call") return item;
  const json function = {{"name", item.value("name", json(""))},
                         {"arguments", item.value("arguments", json("{}"))}};
  const json call = {{"type", "function"}, {"function", function}};
  return {{"role", "assistant"}, {"content", nullptr}, {"tool_calls", json::array({call})}};
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
    for (const json& item : input) {
      json message = item_as_message(item);
      if (!message.is_null()) messages.push_back(std::move(message));
    }
  } else {
    messages.push_back({{"role", "user"}, {"content", input}});
  }
  json chat = {{"messages", std::move(messages)}};
  const auto tools = body.find("tools");
  if (tools == body.end() || !tools->is_array()) return chat;
  chat["tools"] = json::array();
  for (const json& tool : *tools) {
    chat["tools"].push_back(tool_as_chat(tool));
  }
  if (const auto parallel = body.find("parallel_tool_calls"); parallel != body.end()) {
    chat["parallel_tool_calls"] = *parallel;
  }
  const auto choice = body.find("tool_choice");
  if (choice != body.end()) chat["tool_choice"] = *choice;
  if (choice != body.end() && choice->is_object() && choice->contains("name")) {
    chat["tool_choice"] = {{"function", {{"name", choice->at("name")}}}};
  }
  return chat;
}

std::string response_body(const Exchange& exchange, bool done) {
  const Sampling& sampling = exchange.sampling;
  const bool old = is_old(exchange);
  const bool old_event = old && sampling.stream;
  // An old version does not tell that its answer was cut.
  const bool cut = done && !old && incomplete(exchange);
  std::string out = "{";
  append_member(out, "id", exchange.id);
  out += R"("created_at":)" + std::to_string(exchange.created);
  if (old_event) out += R"(.0,"error":null)";
  out += R"(,"incomplete_details":)";
  out += cut ? R"({"reason":"max_output_tokens"})" : "null";
  out += R"(,"instructions":null,"metadata":null,)";
  append_member(out, "model", exchange.model);
  out += R"("object":"response","output":[)";
  if (done) out += output(exchange);
  out += "]";
  if (old && !old_event) out += kMessages;
  out += R"(,"parallel_tool_calls":true,"temperature":)";
  append_json_number(out, sampling.temperature.value_or(1));
  out += R"(,"tool_choice":)" + tool_choice_text(exchange) + R"(,"tools":)" + tools_text(exchange) +
         R"(,"top_p":)";
  append_json_number(out, sampling.top_p.value_or(1));
  out += R"(,"background":false)";
  if (old_event) out += R"(,"conversation":null)";
  out += R"(,"max_output_tokens":)";
  const std::size_t room = exchange.room;
  out += std::to_string(sampling.tokens_max.value_or(static_cast<std::int64_t>(room)));
  out += R"(,"max_tool_calls":null,"previous_response_id":)";
  out += exchange.previous_id ? json_quoted(*exchange.previous_id) : "null";
  out += R"(,"prompt":null)";
  if (old_event) out += R"(,"prompt_cache_key":null)";
  out += R"(,"reasoning":null)";
  if (old_event) out += R"(,"safety_identifier":null)";
  out += R"(,"service_tier":"auto","status":")";
  out += done ? (cut ? "incomplete" : "completed") : "in_progress";
  out += R"(","text":null,"top_logprobs":null,"truncation":"disabled","usage":)";
  out += done ? usage(exchange) : "null";
  out += R"(,"user":null)";
  if (!old) {
    out += R"(,"presence_penalty":0.0,"frequency_penalty":0.0,)"
           R"("kv_transfer_params":null,"ec_transfer_params":null)";
  }
  if (!old || old_event) out += kMessages;
  return out + "}";
}

std::vector<std::string> response_opening_events(Exchange& exchange) {
  const std::string body = R"("response":)" + response_body(exchange, false);
  std::vector<std::string> out;
  out.push_back(event(exchange, "response.created", body));
  out.push_back(event(exchange, "response.in_progress", body));
  return out;
}

std::vector<std::string> response_part_events(Exchange& exchange, const Part& part) {
  std::vector<std::string> out;
  const bool arguments = part.kind == Part::Kind::kArguments;
  // The arguments follow their call, whose item is already there.
  if (part.kind == Part::Kind::kCall || (!arguments && exchange.block.kind != part.kind)) {
    close_item(exchange, out);
    open_item(exchange, part, out);
  }
  if (part.kind == Part::Kind::kCall) return out;
  exchange.block.text += part.text;
  const std::string delta = R"("delta":)" + json_quoted(part.text) + ",";
  if (arguments) {
    out.push_back(
        event(exchange, "response.function_call_arguments.delta", place(exchange, delta)));
  } else if (part.kind == Part::Kind::kReasoning) {
    out.push_back(event(exchange, "response.reasoning_text.delta",
                        place(exchange, content_index(exchange) + delta)));
  } else {
    out.push_back(text_delta(exchange, part.text));
  }
  return out;
}

std::vector<std::string> response_ending_events(Exchange& exchange) {
  std::vector<std::string> out;
  if (!exchange.block.kind && exchange.items.empty()) open_item(exchange, {}, out);
  close_item(exchange, out);
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

Answer stored_response(const ResponseStore& store, std::string_view id, Dialect dialect) {
  const std::string* body = store.find(id);
  return body == nullptr ? response_not_found(id, dialect) : json_answer(*body);
}

Answer cancel_response(const ResponseStore& store, std::string_view id, Dialect dialect) {
  if (store.find(id) == nullptr) return response_not_found(id, dialect);
  return refuse(400, "Cannot cancel a synchronous response.", dialect);
}

Answer response_not_found(std::string_view id, Dialect dialect) {
  return refuse(404, "Response with id '" + std::string(id) + "' not found.", dialect);
}

}  // namespace olla::sim
