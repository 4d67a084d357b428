#include "sim/completions.h"

#include "sim/json_text.h"

namespace olla::sim {
namespace {

constexpr std::string_view kObject = "text_completion";

std::size_t alternatives(const Exchange& exchange) {
  // The chosen token is one of the `logprobs` likeliest, so one less is left for the others.
  const std::size_t wanted = exchange.sampling.logprobs.value_or(0);
  return wanted > 0 ? wanted - 1 : 0;
}

TokenNames names_of(const Exchange& exchange) {
  return {*exchange.tokenizer, exchange.sampling.tokens_as_ids};
}

/// The steps to show: those of the prompt, if it is echoed here, and those of the answer.
std::vector<LogprobStep> shown_steps(const Exchange& exchange, const Choice& choice,
                                     bool with_prompt) {
  std::vector<LogprobStep> steps;
  if (with_prompt) {
    steps =
        prompt_steps(*exchange.tokenizer, exchange.prompts[choice.prompt], alternatives(exchange));
  }
  if (!exchange.only_echo()) {
    steps.insert(steps.end(), choice.steps.begin(), choice.steps.end());
  }
  return steps;
}

void append_choice(std::string& out, const Exchange& exchange, const Choice& choice) {
  const Sampling& sampling = exchange.sampling;
  const std::vector<TokenId>& prompt = exchange.prompts[choice.prompt];
  std::string text;
  if (sampling.echo) text = exchange.tokenizer->detokenize(prompt);
  if (!exchange.only_echo()) text += choice.output.all();
  out += R"({"index":)" + std::to_string(choice.index) + R"(,"text":)";
  append_json_string(out, text);
  out += R"(,"logprobs":)";
  if (sampling.logprobs) {
    const auto steps = shown_steps(exchange, choice, sampling.echo);
    append_completion_logprobs(out, names_of(exchange), {steps, 0, sampling.echo});
  } else {
    out += "null";
  }
  out += R"(,"finish_reason":)";
  append_finish_reason(out, choice);
  out += R"(,"stop_reason":)";
  append_stop_reason(out, choice);
  append_choice_ids(out, exchange, choice);
  out += R"(,"prompt_logprobs":)";
  append_prompt_logprobs(out, exchange, choice.prompt);
  out += R"(,"prompt_token_ids":)";
  append_prompt_ids(out, exchange, choice.prompt);
  if (exchange.dialect == Dialect::kNew) out += R"(,"routed_experts":null)";
  out += '}';
}

}  // namespace

std::string completion_body(const Exchange& exchange) {
  std::string out;
  append_opening(out, exchange, kObject);
  for (const Choice& choice : exchange.choices) {
    if (choice.index > 0) out += ',';
    append_choice(out, exchange, choice);
  }
  out += R"(],"service_tier":null)";
  append_fingerprint(out, exchange);
  out += R"(,"usage":)";
  append_usage(out, exchange);
  out += R"(,"kv_transfer_params":null)";
  if (exchange.dialect == Dialect::kNew) out += R"(,"ec_transfer_params":null,"metrics":null)";
  return out + "}";
}

std::string completion_event(const Exchange& exchange, Choice& choice, std::string_view text) {
  const Sampling& sampling = exchange.sampling;
  const bool echoes = sampling.echo && !choice.echoed;
  const std::vector<TokenId>& prompt = exchange.prompts[choice.prompt];
  std::string shown;
  if (echoes) shown = exchange.tokenizer->detokenize(prompt);
  if (!exchange.only_echo()) shown += text;

  std::string out = "data: ";
  append_opening(out, exchange, kObject);
  out += R"({"index":)" + std::to_string(choice.index) + R"(,"text":)";
  append_json_string(out, shown);
  out += R"(,"logprobs":)";
  if (sampling.logprobs) {
    const auto steps = shown_steps(exchange, choice, echoes);
    choice.offset =
        append_completion_logprobs(out, names_of(exchange), {steps, choice.offset, echoes});
  } else {
    out += "null";
  }
  out += R"(,"finish_reason":)";
  append_finish_reason(out, choice);
  out += R"(,"stop_reason":)";
  append_stop_reason(out, choice);
  out += R"(,"prompt_token_ids":)";
  const bool old = exchange.dialect == Dialect::kOld;
  const bool told = old || echoes || sampling.return_token_ids;
  if (told && !choice.echoed) {
    append_token_ids(out, prompt);
  } else {
    out += "null";
  }
  append_choice_ids(out, exchange, choice);
  out += "}]";
  choice.echoed = true;

  if (sampling.continuous_usage) {
    out += R"(,"usage":)";
    append_event_usage(out, prompt.size(), choice.tokens);
    out += '}';
  } else if (old) {
    out += R"(,"usage":null)";
  }
  const bool last = !choice.finish_reason.empty();
  if (last && !old && !sampling.include_usage) append_fingerprint(out, exchange);
  out += "}\n\n";
  return out;
}

std::string completion_usage_event(const Exchange& exchange) {
  return usage_event(exchange, kObject);
}

}  // namespace olla::sim
