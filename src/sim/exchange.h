#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/constraint.h"
#include "sim/engine.h"
#include "sim/logprobs.h"
#include "sim/output_parser.h"
#include "sim/output_text.h"
#include "sim/sampling.h"
#include "sim/script.h"
#include "sim/tokenizer.h"
#include "sim/tools.h"

namespace olla::sim {

class ResponseStore;

/// One of the answers that a request asked for.
struct Choice {
  Choice(std::size_t number, std::size_t prompt_number, const Sampling& sampling,
         const OutputParser::Rules& parsing)
      : index(number),
        prompt(prompt_number),
        output(sampling.stop, sampling.include_stop),
        parser(parsing),
        thinking(parsing.reasoning) {}

  std::size_t index;
  std::size_t prompt;  ///< Index into Exchange::prompts.
  SequenceId sequence;
  OutputText output;
  OutputParser parser;
  bool thinking;                           ///< The tokens that come are counted as thoughts.
  std::size_t reasoning_tokens = 0;        ///< Of the thoughts, without their marks.
  std::size_t tokens_sent = 0;             ///< Streamed: those of the events so far.
  std::size_t tokens = 0;                  ///< Generated so far, the end token included.
  std::size_t cached_tokens = 0;           ///< Of the prompt, those that were not computed.
  std::string_view finish_reason;          ///< Empty while it runs.
  std::optional<std::string> stop_reason;  ///< The stop string that ended it.
  std::optional<TokenId> stop_token;       ///< Or the token that did.
  std::vector<LogprobStep> steps;          ///< Streamed: of this event alone.
  std::vector<TokenId> token_ids;          ///< The same; only if they are asked for.
  std::size_t offset = 0;                  ///< Characters of the logprobs written so far.
  bool echoed = false;                     ///< Streamed: the prompt has been sent.
};

/// One request for text, from its validation to the end of its answer.
struct Exchange {
  Kind kind = Kind::kChat;
  Dialect dialect = Dialect::kNew;
  Sampling sampling;
  std::optional<Constraint> constraint;
  ToolUse tools;
  Script script = Script::kNone;
  bool reasoning = false;           ///< Thoughts are told apart from content.
  bool include_reasoning = true;    ///< And told at all.
  std::string echo;                 ///< Of a chat: the text that the answer goes on with.
  Random ids{0};                    ///< Makes the ids of calls, blocks and items.
  std::string id;                   ///< "chatcmpl-..." or "cmpl-..."
  std::int64_t created = 0;         ///< Seconds since 1970.
  std::string model;                ///< The first served name, whatever the request said.
  std::size_t stream_interval = 1;  ///< Streamed: tokens of an event, but for the first and last.
  std::vector<Script> scripts;      ///< Of several chats at once, one for each prompt.
  std::string role = "assistant";   ///< Of a chat's answer.
  std::string fingerprint;          ///< Empty: the server tells none.
  bool prompt_tokens_details = false;  ///< Usage tells what was cached.
  /// Streamed: the block of a message or item of a response that is being sent.
  struct Block {
    std::optional<OutputParser::Part::Kind> kind;  ///< None before the first one.
    std::size_t index = 0;
    std::size_t call = 0;  ///< The number of a call.
    std::string id;
    std::string text;        ///< What was sent of it.
    std::size_t events = 0;  ///< Sent of it, as an old version counts them.
  };
  Block block;
  // Of a response alone.
  std::optional<std::string> previous_id;  ///< The response that it goes on from.
  std::vector<std::string> items;          ///< Streamed: those that are complete, as JSON.
  std::size_t room = 0;                    ///< Tokens of answer that fit the context.
  std::size_t events = 0;                  ///< Streamed: sent so far.
  ResponseStore* store = nullptr;          ///< Where to put it once it is done; may be nullptr.
  std::vector<std::vector<TokenId>> prompts;
  std::vector<Choice> choices;
  const Tokenizer* tokenizer = nullptr;

  [[nodiscard]] std::size_t prompt_tokens() const;
  [[nodiscard]] std::size_t completion_tokens() const;
  [[nodiscard]] std::size_t reasoning_tokens() const;
  /// Tokens of the prompts that were not computed; the first answer to each prompt counts.
  [[nodiscard]] std::size_t cached_tokens() const;
  /// And those of full blocks that were.
  [[nodiscard]] std::size_t created_tokens() const;
  /// Only the prompt is wanted back (`max_tokens` 0 with `echo`); one token is generated unseen.
  [[nodiscard]] bool only_echo() const;
};

// What both kinds of answers have in common. All append compact JSON.

/// `{"id":...,"object":...,"created":...,"model":...,"choices":[`
void append_opening(std::string& out, const Exchange& exchange, std::string_view object);
/// `"length"` or null.
void append_finish_reason(std::string& out, const Choice& choice);
/// The stop string, the number of the token, or null.
void append_stop_reason(std::string& out, const Choice& choice);
/// `[49,540]`
void append_token_ids(std::string& out, const std::vector<TokenId>& tokens);
/// `,"token_ids":[...]`, or null.
void append_choice_ids(std::string& out, const Exchange& exchange, const Choice& choice);
/// The prompt's tokens, or null.
void append_prompt_ids(std::string& out, const Exchange& exchange, std::size_t prompt);
/// `prompt_logprobs` of one prompt, or null.
void append_prompt_logprobs(std::string& out, const Exchange& exchange, std::size_t prompt);
/// The usage of a complete answer, with its details, which are null unless they are asked for.
void append_usage(std::string& out, const Exchange& exchange);
/// `{"prompt_tokens":...}` of an event, without details and without the closing brace.
void append_event_usage(std::string& out, std::size_t prompt_tokens, std::size_t tokens);
/// `,"system_fingerprint":...`, which is null when there is none.
void append_fingerprint(std::string& out, const Exchange& exchange);
/// The event that ends a stream with `include_usage`.
std::string usage_event(const Exchange& exchange, std::string_view object);

}  // namespace olla::sim
