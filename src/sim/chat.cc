#include "sim/chat.h"

#include "sim/json_text.h"

namespace olla::sim {
namespace {

constexpr std::string_view kChunk = "chat.completion.chunk";

void append_logprobs(std::string& out, const Exchange& exchange, const Choice& choice) {
  if (exchange.sampling.logprobs) {
    append_chat_logprobs(out, *exchange.tokenizer, choice.steps, *exchange.sampling.logprobs > 0);
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

void append_choice(std::string& out, const Exchange& exchange, const Choice& choice) {
  out += R"({"index":)" + std::to_string(choice.index);
  out += R"(,"message":{"role":"assistant","content":)";
  append_json_string(out, choice.output.all());
  out += R"(,"refusal":null,"annotations":null,"audio":null,"function_call":null,)";
  out += exchange.dialect == Dialect::kOld ? R"("tool_calls":[],"reasoning_content":null})"
                                           : R"("reasoning":null})";
  out += R"(,"logprobs":)";
  append_logprobs(out, exchange, choice);
  out += R"(,"finish_reason":)";
  append_finish_reason(out, choice);
  out += R"(,"stop_reason":)";
  append_stop_reason(out, choice);
  out += R"(,"token_ids":null)";
  if (exchange.dialect == Dialect::kNew) out += R"(,"routed_experts":null)";
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
  out += R"(,"prompt_logprobs":null,"prompt_token_ids":null)";
  if (exchange.dialect == Dialect::kOld) return out + R"(,"kv_transfer_params":null})";
  return out + R"(,"prompt_text":null,"kv_transfer_params":null,"ec_transfer_params":null,)"
               R"("metrics":null})";
}

std::string chat_role_event(const Exchange& exchange, const Choice& choice) {
  std::string out = "data: ";
  append_opening(out, exchange, kChunk);
  out += R"({"index":)" + std::to_string(choice.index);
  out += R"(,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}])";
  append_continuous_usage(out, exchange, 0);
  out += R"(,"prompt_token_ids":null)";
  if (exchange.dialect == Dialect::kNew) out += R"(,"prompt_text":null)";
  return out + "}\n\n";
}

std::string chat_event(const Exchange& exchange, const Choice& choice, std::string_view text) {
  std::string out = "data: ";
  append_opening(out, exchange, kChunk);
  out += R"({"index":)" + std::to_string(choice.index) + R"(,"delta":{"content":)";
  append_json_string(out, text);
  out += R"(},"logprobs":)";
  append_logprobs(out, exchange, choice);
  out += R"(,"finish_reason":)";
  append_finish_reason(out, choice);
  const bool last = !choice.finish_reason.empty();
  if (last) {
    out += R"(,"stop_reason":)";
    append_stop_reason(out, choice);
  }
  out += R"(,"token_ids":null}])";
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
