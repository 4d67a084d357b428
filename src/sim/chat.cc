#include "sim/chat.h"

#include "sim/json_text.h"

namespace olla::sim {
namespace {

constexpr std::string_view kChunk = "chat.completion.chunk";

void append_logprobs(std::string& out, const Exchange& exchange, const Choice& choice) {
  if (exchange.sampling.logprobs) {
    const TokenNames names{*exchange.tokenizer, exchange.sampling.tokens_as_ids};
    append_chat_logprobs(out, names, choice.steps, *exchange.sampling.logprobs > 0);
  } else {
    out += "null";
  }
}

void append_continuous_usage(std::string& out, const Exchange& exchange, std::size_t tokens) {
  if (!exchange.sampling.continuous_usage) return;
  out += R"(,"usage":)";
  append_event_usage(out, exchange.prompt_tokens(), tokens);
  if (exchange.dialect == Dialect::kNew) out += R"(,"completion_tokens_details":null)";
  out += '}';
}

std::string_view reasoning_key(const Exchange& exchange) {
  return exchange.dialect == Dialect::kOld ? "\"reasoning_content\":" : "\"reasoning\":";
}

void append_calls(std::string& out, const std::vector<WrittenCall>& calls) {
  out += R"("tool_calls":[)";
  bool first = true;
  for (const WrittenCall& call : calls) {
    if (!first) out += ',';
    first = false;
    out += R"({"id":)";
    append_json_string(out, call.id);
    out += R"(,"type":"function","function":{"name":)";
    append_json_string(out, call.name);
    out += R"(,"arguments":)";
    append_json_string(out, call.arguments);
    out += "}}";
  }
  out += "],";
}

/// The text, or null where a parser found something else and no text.
void append_content(std::string& out, const Exchange& exchange, const Choice& choice) {
  const OutputParser& parser = choice.parser;
  const std::string text =
      exchange.echo + (parser.active() ? parser.content() : choice.output.all());
  const bool elsewhere = !parser.calls().empty() || !parser.reasoning().empty();
  const bool named = exchange.tools.choice == ToolUse::Choice::kNamed;
  if (text.empty() && elsewhere && !(named && exchange.dialect == Dialect::kOld)) {
    out += "null";
  } else {
    append_json_string(out, text);
  }
}

void append_message(std::string& out, const Exchange& exchange, const Choice& choice) {
  const std::vector<WrittenCall>& calls = choice.parser.calls();
  out += R"({"role":)";
  append_json_string(out, exchange.role);
  out += R"(,"content":)";
  append_content(out, exchange, choice);
  out += R"(,"refusal":null,"annotations":null,"audio":null,"function_call":null,)";
  if (!calls.empty() || exchange.dialect == Dialect::kOld) append_calls(out, calls);
  out += reasoning_key(exchange);
  const std::string& reasoning = choice.parser.reasoning();
  if (reasoning.empty() || !exchange.include_reasoning) {
    out += "null";
  } else {
    append_json_string(out, reasoning);
  }
  out += '}';
}

void append_choice(std::string& out, const Exchange& exchange, const Choice& choice) {
  out += R"({"index":)" + std::to_string(choice.index) + R"(,"message":)";
  append_message(out, exchange, choice);
  out += R"(,"logprobs":)";
  append_logprobs(out, exchange, choice);
  out += R"(,"finish_reason":)";
  append_finish_reason(out, choice);
  out += R"(,"stop_reason":)";
  append_stop_reason(out, choice);
  append_choice_ids(out, exchange, choice);
  if (exchange.dialect == Dialect::kNew) out += R"(,"routed_experts":null)";
  out += '}';
}

void append_call_delta(std::string& out, const Exchange& exchange, const Choice& choice,
                       const OutputParser::Part& part) {
  if (exchange.dialect == Dialect::kNew) out += R"("content":null,)";
  out += R"("tool_calls":[{)";
  const std::string index = R"("index":)" + std::to_string(part.call) + R"(,"function":{)";
  if (part.kind == OutputParser::Part::Kind::kCall) {
    out += R"("id":)";
    append_json_string(out, choice.parser.calls()[part.call].id);
    out += R"(,"type":"function",)" + index + R"("name":)";
  } else {
    out += index + R"("arguments":)";
  }
  append_json_string(out, part.text);
  out += "}}]";
}

void append_delta(std::string& out, const Exchange& exchange, const Choice& choice,
                  const OutputParser::Part* part) {
  out += '{';
  if (part == nullptr) {
    // Nothing but the end.
  } else if (part->kind == OutputParser::Part::Kind::kContent) {
    out += R"("content":)";
    append_json_string(out, part->text);
    if (!exchange.include_reasoning && exchange.reasoning) {
      out.append(",").append(reasoning_key(exchange)).append("null");
    }
  } else if (part->kind == OutputParser::Part::Kind::kReasoning) {
    out += reasoning_key(exchange);
    append_json_string(out, part->text);
  } else {
    append_call_delta(out, exchange, choice, *part);
  }
  out += '}';
}

}  // namespace

std::string chat_body(const Exchange& exchange) {
  std::string out;
  append_opening(out, exchange, "chat.completion");
  for (const Choice& choice : exchange.choices) {
    if (choice.index > 0) out += ',';
    append_choice(out, exchange, choice);
  }
  out += R"(],"service_tier":null)";
  append_fingerprint(out, exchange);
  out += R"(,"usage":)";
  append_usage(out, exchange);
  out += R"(,"prompt_logprobs":)";
  append_prompt_logprobs(out, exchange, 0);
  out += R"(,"prompt_token_ids":)";
  append_prompt_ids(out, exchange, 0);
  if (exchange.dialect == Dialect::kOld) return out + R"(,"kv_transfer_params":null})";
  return out + R"(,"prompt_text":null,"kv_transfer_params":null,"ec_transfer_params":null,)"
               R"("metrics":null})";
}

std::string chat_role_event(const Exchange& exchange, const Choice& choice) {
  std::string out = "data: ";
  append_opening(out, exchange, kChunk);
  out += R"({"index":)" + std::to_string(choice.index);
  out += R"(,"delta":{"role":)";
  append_json_string(out, exchange.role);
  out += R"(,"content":""},"logprobs":null,"finish_reason":null}])";
  append_continuous_usage(out, exchange, 0);
  out += R"(,"prompt_token_ids":)";
  append_prompt_ids(out, exchange, 0);
  if (exchange.dialect == Dialect::kNew) out += R"(,"prompt_text":null)";
  return out + "}\n\n";
}

std::string chat_echo_event(const Exchange& exchange, const Choice& choice) {
  std::string out = "data: ";
  append_opening(out, exchange, kChunk);
  out += R"({"index":)" + std::to_string(choice.index) + R"(,"delta":{"content":)";
  append_json_string(out, exchange.echo);
  out += R"(},"logprobs":null,"finish_reason":null}])";
  append_continuous_usage(out, exchange, 0);
  return out + "}\n\n";
}

std::string chat_event(const Exchange& exchange, const Choice& choice,
                       const OutputParser::Part* part, bool last) {
  std::string out = "data: ";
  append_opening(out, exchange, kChunk);
  out += R"({"index":)" + std::to_string(choice.index) + R"(,"delta":)";
  append_delta(out, exchange, choice, part);
  out += R"(,"logprobs":)";
  append_logprobs(out, exchange, choice);
  out += R"(,"finish_reason":)";
  if (!last) out += "null";
  if (last) {
    append_finish_reason(out, choice);
    out += R"(,"stop_reason":)";
    append_stop_reason(out, choice);
  }
  append_choice_ids(out, exchange, choice);
  out += "}]";
  append_continuous_usage(out, exchange, choice.tokens);
  const bool new_dialect = exchange.dialect == Dialect::kNew;
  if (last && new_dialect && !exchange.sampling.include_usage) append_fingerprint(out, exchange);
  out += "}\n\n";
  return out;
}

std::string chat_usage_event(const Exchange& exchange) {
  return usage_event(exchange, kChunk);
}

}  // namespace olla::sim
