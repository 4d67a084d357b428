#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sim/tokenizer.h"

namespace olla::sim {

struct TokenLogprob {
  TokenId token = 0;
  float logprob = 0;
};

/// What the model is said to have thought at one place: made up, but always the same for the same
/// token at the same place, the token itself the likeliest, and the alternatives less and less so.
struct LogprobStep {
  TokenLogprob chosen;
  std::vector<TokenLogprob> others;  ///< Words other than the chosen token, likelier ones first.
};

/// `position`: the token's place in its text. `others`: how many alternatives.
LogprobStep make_logprobs(const Tokenizer& tokenizer, TokenId token, std::size_t position,
                          std::size_t others);

/// How a token is called: by its text, or `token_id:7`.
struct TokenNames {
  const Tokenizer& tokenizer;
  bool as_ids = false;

  [[nodiscard]] std::string of(TokenId token) const;
};

/// Appends `{"content":[...]}`: the form of chat completions. `with_top`: the chosen token and the
/// others are listed as `top_logprobs`, which is empty otherwise.
void append_chat_logprobs(std::string& out, const TokenNames& names,
                          const std::vector<LogprobStep>& steps, bool with_top);

/// The form of completions, for one event or one answer.
struct CompletionLogprobs {
  const std::vector<LogprobStep>& steps;
  std::size_t offset = 0;      ///< Characters of the text before the first step.
  bool first_unknown = false;  ///< The first step is the first token of an echoed prompt.
};
/// Appends `{"text_offset":[],...}`; returns the offset after the last step.
std::size_t append_completion_logprobs(std::string& out, const TokenNames& names,
                                       const CompletionLogprobs& logprobs);

/// What is told of the tokens of a prompt, each with as many alternatives.
std::vector<LogprobStep> prompt_steps(const Tokenizer& tokenizer,
                                      const std::vector<TokenId>& prompt, std::size_t others);

/// Appends the `prompt_logprobs` list of a prompt; the first step is null.
void append_prompt_logprobs(std::string& out, const Tokenizer& tokenizer,
                            const std::vector<LogprobStep>& steps);

}  // namespace olla::sim
