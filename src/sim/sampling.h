#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/answer.h"
#include "sim/fields.h"
#include "sim/token_rules.h"

namespace olla::sim {

enum class Kind : std::uint8_t { kChat, kCompletion, kMessage, kResponse };

/// What a chat or a completion request says about how to generate, apart from the prompt.
///
/// Temperature and its kin are checked as vLLM checks them; the simulated text does not depend on
/// them.
struct Sampling {
  Dialect dialect = Dialect::kNew;
  std::optional<std::string> model;
  std::optional<std::string> request_id;
  std::optional<std::int64_t> tokens_max;
  std::int64_t tokens_min = 0;
  std::int64_t samples = 1;  ///< `n`
  std::optional<std::int64_t> seed;
  std::int64_t priority = 0;  ///< The smaller the sooner, where priorities count.
  std::optional<std::string> cache_salt;
  std::vector<std::string> stop;
  bool include_stop = false;
  bool ignore_end = false;
  /// How many alternatives to tell per token (0: only the token's own); nullopt: none of it.
  std::optional<std::size_t> logprobs;
  std::shared_ptr<const TokenRules> rules;  ///< nullptr: none.
  /// The same for the tokens of the prompt.
  std::optional<std::size_t> prompt_logprobs;
  bool return_token_ids = false;
  bool tokens_as_ids = false;  ///< Logprobs name a token by its number.
  bool keep_special = false;   ///< Control tokens have a text: `skip_special_tokens` is false.
  bool beam = false;           ///< Beam search: a text comes whole or not at all.
  bool echo = false;
  bool stream = false;
  bool include_usage = false;
  bool continuous_usage = false;

  // Only checked.
  std::optional<std::int64_t> top_logprobs;
  std::optional<std::int64_t> raw_logprobs;  ///< completions: the integer as sent
  std::optional<std::int64_t> raw_prompt_logprobs;
  bool wants_logprobs = false;  ///< chat: the boolean
  bool has_stream_options = false;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<double> min_p;
  std::optional<double> frequency_penalty;
  std::optional<double> presence_penalty;
  std::optional<double> repetition_penalty;
  std::optional<std::int64_t> top_k;
  std::optional<std::int64_t> best_of;  ///< Only read by old versions.
};

/// Reads `logit_bias`, `allowed_token_ids`, `stop_token_ids` and `bad_words`, or says which of them
/// speaks of tokens that do not exist.
std::optional<Answer> read_token_rules(Fields& fields, const Tokenizer& tokenizer,
                                       Sampling& sampling);

/// Reads the members in the order in which vLLM declares them, which is the order of the messages
/// when several are wrong.
Sampling read_sampling(Fields& fields, Kind kind);

/// What vLLM refuses before it looks at the model's name: options that exclude each other.
std::optional<Answer> check_options(const Fields& fields, const Sampling& sampling);

/// What vLLM refuses once the prompt is known: values out of their ranges.
std::optional<Answer> check_ranges(const Sampling& sampling, std::size_t max_model_len);

/// What an old vLLM refuses and a new one cuts: a prompt of `prompt_tokens` tokens that leaves less
/// room than the answer is allowed to take.
std::optional<Answer> check_room(Kind kind, const Sampling& sampling, std::size_t prompt_tokens,
                                 std::size_t max_model_len);

/// The 400 for a prompt that does not fit.
struct PromptLength {
  std::size_t tokens = 0;
  bool at_least = false;  ///< It was not counted to its end.
  std::size_t max_model_len = 0;
  bool chat = false;
  Dialect dialect = Dialect::kNew;
};
Answer prompt_too_long(const PromptLength& prompt);

}  // namespace olla::sim
