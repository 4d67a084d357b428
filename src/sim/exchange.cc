#include "sim/exchange.h"

#include <algorithm>

#include "sim/engine/block_hash.h"
#include "sim/json_text.h"

namespace olla::sim {
namespace {

/// `in_body`: events leave out what is null.
void append_details(std::string& out, const Exchange& exchange, bool in_body) {
  out += R"(,"prompt_tokens_details":{"cached_tokens":)" + std::to_string(exchange.cached_tokens());
  if (exchange.dialect == Dialect::kOld) {
    out += '}';
    return;
  }
  out += R"(,"created_cache_tokens":)" + std::to_string(exchange.created_tokens());
  if (in_body) out += R"(,"multimodal_tokens":null)";
  out += R"(},"completion_tokens_details":{"reasoning_tokens":)" +
         std::to_string(exchange.reasoning_tokens()) + "}";
}

}  // namespace

std::size_t Exchange::prompt_tokens() const {
  std::size_t total = 0;
  for (const auto& prompt : prompts) {
    total += prompt.size();
  }
  return total;
}

std::size_t Exchange::completion_tokens() const {
  std::size_t total = 0;
  for (const Choice& choice : choices) {
    total += choice.tokens;
  }
  return total;
}

std::size_t Exchange::reasoning_tokens() const {
  std::size_t total = 0;
  for (const Choice& choice : choices) {
    total += choice.reasoning_tokens;
  }
  return total;
}

std::size_t Exchange::cached_tokens() const {
  std::size_t total = 0;
  std::size_t prompt = 0;
  for (const Choice& choice : choices) {
    if (choice.prompt != prompt) continue;
    total += choice.cached_tokens;
    ++prompt;
  }
  return total;
}

std::size_t Exchange::created_tokens() const {
  std::size_t total = 0;
  for (const auto& prompt : prompts) {
    total += prompt.size() / engine::kBlockTokens * engine::kBlockTokens;
  }
  return total - std::min(total, cached_tokens());
}

bool Exchange::only_echo() const {
  return sampling.echo && sampling.tokens_max == 0;
}

void append_opening(std::string& out, const Exchange& exchange, std::string_view object) {
  out += R"({"id":)";
  append_json_string(out, exchange.id);
  out += R"(,"object":")";
  out += object;
  out += R"(","created":)" + std::to_string(exchange.created) + R"(,"model":)";
  append_json_string(out, exchange.model);
  out += R"(,"choices":[)";
}

void append_finish_reason(std::string& out, const Choice& choice) {
  if (choice.finish_reason.empty()) {
    out += "null";
  } else {
    append_json_string(out, choice.finish_reason);
  }
}

void append_stop_reason(std::string& out, const Choice& choice) {
  if (choice.stop_reason) {
    append_json_string(out, *choice.stop_reason);
  } else if (choice.stop_token) {
    out += std::to_string(*choice.stop_token);
  } else {
    out += "null";
  }
}

void append_token_ids(std::string& out, const std::vector<TokenId>& tokens) {
  out += '[';
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0) out += ',';
    out += std::to_string(tokens[i]);
  }
  out += ']';
}

void append_choice_ids(std::string& out, const Exchange& exchange, const Choice& choice) {
  out += R"(,"token_ids":)";
  if (exchange.sampling.return_token_ids) {
    append_token_ids(out, choice.token_ids);
  } else {
    out += "null";
  }
}

void append_prompt_ids(std::string& out, const Exchange& exchange, std::size_t prompt) {
  if (exchange.sampling.return_token_ids) {
    append_token_ids(out, exchange.prompts[prompt]);
  } else {
    out += "null";
  }
}

void append_prompt_logprobs(std::string& out, const Exchange& exchange, std::size_t prompt) {
  const auto wanted = exchange.sampling.prompt_logprobs;
  if (!wanted) {
    out += "null";
    return;
  }
  // The token itself is the likeliest, and so one of those that are asked for.
  const std::size_t others = *wanted > 0 ? *wanted - 1 : 0;
  const Tokenizer& tokenizer = *exchange.tokenizer;
  append_prompt_logprobs(out, tokenizer, prompt_steps(tokenizer, exchange.prompts[prompt], others));
}

void append_event_usage(std::string& out, std::size_t prompt_tokens, std::size_t tokens) {
  out += R"({"prompt_tokens":)" + std::to_string(prompt_tokens);
  out += R"(,"total_tokens":)" + std::to_string(prompt_tokens + tokens);
  out += R"(,"completion_tokens":)" + std::to_string(tokens);
}

void append_usage(std::string& out, const Exchange& exchange) {
  append_event_usage(out, exchange.prompt_tokens(), exchange.completion_tokens());
  if (exchange.prompt_tokens_details) {
    append_details(out, exchange, true);
  } else {
    out += R"(,"prompt_tokens_details":null)";
    if (exchange.dialect == Dialect::kNew) out += R"(,"completion_tokens_details":null)";
  }
  out += '}';
}

void append_fingerprint(std::string& out, const Exchange& exchange) {
  out += R"(,"system_fingerprint":)";
  if (exchange.fingerprint.empty()) {
    out += "null";
  } else {
    append_json_string(out, exchange.fingerprint);
  }
}

std::string usage_event(const Exchange& exchange, std::string_view object) {
  std::string out = "data: ";
  append_opening(out, exchange, object);
  out += R"(],"usage":)";
  append_event_usage(out, exchange.prompt_tokens(), exchange.completion_tokens());
  if (exchange.prompt_tokens_details) append_details(out, exchange, false);
  out += '}';
  if (exchange.dialect == Dialect::kNew) append_fingerprint(out, exchange);
  out += "}\n\n";
  return out;
}

}  // namespace olla::sim
