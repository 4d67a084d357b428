#include "sim/sampling.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "sim/json_text.h"

namespace olla::sim {
namespace {

constexpr std::size_t kStopStringsMax = 4;
constexpr std::int64_t kLogprobsMax = 20;
constexpr std::int64_t kSamplesMax = 16384;  // vLLM's VLLM_MAX_N_SEQUENCES

std::string real(double value) {
  std::string text;
  append_json_number(text, value);
  return text;
}

/// A refused value whose parameter is not named.
Answer refuse(std::string message) {
  ErrorBody error;
  error.message = std::move(message);
  return error_answer(error);
}

std::optional<Answer> check_counts(const Sampling& sampling, std::size_t max_model_len) {
  const Dialect dialect = sampling.dialect;
  if (sampling.samples < 1) {
    return refuse("n must be at least 1, got " + std::to_string(sampling.samples) + ".");
  }
  if (sampling.samples > kSamplesMax) {
    return refuse("n must be at most " + std::to_string(kSamplesMax) + ", got " +
                  std::to_string(sampling.samples) + ".");
  }
  if (!sampling.tokens_max) return std::nullopt;
  const std::string tokens = std::to_string(*sampling.tokens_max);
  const bool only_echo = sampling.echo && *sampling.tokens_max == 0;
  if (*sampling.tokens_max < 1 && !only_echo) {
    return parameter_answer(
        {dialect, "max_tokens must be at least 1, got " + tokens + ".", "max_tokens", tokens});
  }
  if (*sampling.tokens_max > static_cast<std::int64_t>(max_model_len)) {
    return parameter_answer({dialect,
                             "max_tokens=" + tokens + " cannot be greater than max_model_len=" +
                                 std::to_string(max_model_len) +
                                 ". Please request fewer output tokens.",
                             "max_tokens", tokens});
  }
  if (sampling.tokens_min > *sampling.tokens_max && !only_echo) {
    return refuse("min_tokens must be less than or equal to max_tokens=" + tokens + ", got " +
                  std::to_string(sampling.tokens_min) + ".");
  }
  return std::nullopt;
}

std::optional<Answer> check_penalty(std::string_view name, std::optional<double> value) {
  if (!value || (*value >= -2 && *value <= 2)) return std::nullopt;
  return refuse(std::string(name) + " must be in [-2, 2], got " + real(*value) + ".");
}

std::optional<Answer> check_distribution(const Sampling& sampling) {
  const Dialect dialect = sampling.dialect;
  if (sampling.temperature && *sampling.temperature < 0) {
    const std::string value = real(*sampling.temperature);
    return parameter_answer(
        {dialect, "temperature must be non-negative, got " + value + ".", "temperature", value});
  }
  if (dialect == Dialect::kNew && sampling.temperature && *sampling.temperature > 2) {
    const std::string value = real(*sampling.temperature);
    return parameter_answer(
        {dialect, "temperature must be in [0, 2], got " + value + ".", "temperature", value});
  }
  if (sampling.top_p && (*sampling.top_p <= 0 || *sampling.top_p > 1)) {
    const std::string value = real(*sampling.top_p);
    return parameter_answer(
        {dialect, "top_p must be in (0, 1], got " + value + ".", "top_p", value});
  }
  if (sampling.top_k && *sampling.top_k < -1) {
    return refuse("top_k must be 0 (disable), or at least 1, got " +
                  std::to_string(*sampling.top_k) + ".");
  }
  if (sampling.min_p && (*sampling.min_p < 0 || *sampling.min_p > 1)) {
    return refuse("min_p must be in [0, 1], got " + real(*sampling.min_p) + ".");
  }
  return std::nullopt;
}

void read_stream_options(Fields& fields, Sampling& sampling) {
  const nlohmann::json* options = fields.find("stream_options");
  if (options == nullptr) return;
  sampling.has_stream_options = true;
  if (!options->is_object()) {
    fields.fail("model_attributes_type", "stream_options",
                "Input should be a valid dictionary or object to extract fields from", *options);
    return;
  }
  Fields members(*options);
  sampling.include_usage = members.boolean("include_usage").value_or(false);
  sampling.continuous_usage =
      sampling.include_usage && members.boolean("continuous_usage_stats").value_or(false);
}

void read_logprobs(Fields& fields, Kind kind, Sampling& sampling) {
  if (kind == Kind::kChat) {
    sampling.wants_logprobs = fields.boolean("logprobs").value_or(false);
    sampling.top_logprobs = fields.integer("top_logprobs");
    if (sampling.wants_logprobs) sampling.raw_logprobs = sampling.top_logprobs.value_or(0);
  } else {
    sampling.raw_logprobs = fields.integer("logprobs");
  }
  if (sampling.raw_logprobs && *sampling.raw_logprobs >= 0) {
    sampling.logprobs =
        static_cast<std::size_t>(std::min<std::int64_t>(*sampling.raw_logprobs, kLogprobsMax));
  }
}

/// An echo has them too: in a chat as many as `top_logprobs`, in a completion as `logprobs`.
std::optional<std::size_t> wanted_prompt_logprobs(const Sampling& sampling, Kind kind) {
  std::optional<std::int64_t> wanted = sampling.raw_prompt_logprobs;
  if (!wanted && sampling.echo && kind == Kind::kChat) wanted = sampling.top_logprobs.value_or(0);
  if (!wanted && sampling.echo) wanted = sampling.raw_logprobs;
  if (!wanted || *wanted < 0) return std::nullopt;
  return static_cast<std::size_t>(std::min(*wanted, kLogprobsMax));
}

}  // namespace

Sampling read_sampling(Fields& fields, Kind kind) {
  using Null = Fields::Null;
  Sampling sampling;
  sampling.dialect = fields.dialect();
  sampling.model = fields.string("model");
  // A chat echoes only a message that it goes on with.
  sampling.echo = fields.boolean("echo").value_or(false);
  sampling.frequency_penalty = fields.number("frequency_penalty");
  read_logprobs(fields, kind, sampling);
  sampling.tokens_max = fields.integer("max_tokens");
  if (kind == Kind::kChat) {
    const auto newer_name = fields.integer("max_completion_tokens");
    if (newer_name) sampling.tokens_max = newer_name;
  } else if (!sampling.tokens_max) {
    sampling.tokens_max = 16;  // the default of the completions API
  }
  const Null null_n = kind == Kind::kChat ? Null::kAllowed : Null::kRefused;
  sampling.samples = fields.integer("n", null_n).value_or(1);
  sampling.presence_penalty = fields.number("presence_penalty");
  sampling.seed = fields.integer("seed");
  const bool old = sampling.dialect == Dialect::kOld;
  const std::size_t stops_max = old ? std::numeric_limits<std::size_t>::max() : kStopStringsMax;
  sampling.stop = fields.strings("stop", stops_max);
  sampling.stream = fields.boolean("stream").value_or(false);
  read_stream_options(fields, sampling);
  sampling.temperature = fields.number("temperature");
  sampling.top_p = fields.number("top_p");
  if (old) sampling.best_of = fields.integer("best_of");
  sampling.top_k = fields.integer("top_k");
  sampling.min_p = fields.number("min_p");
  sampling.repetition_penalty = fields.number("repetition_penalty");
  sampling.include_stop =
      fields.boolean("include_stop_str_in_output", Null::kRefused).value_or(false);
  sampling.ignore_end = fields.boolean("ignore_eos", Null::kRefused).value_or(false);
  sampling.tokens_min = fields.integer("min_tokens", Null::kRefused).value_or(0);
  sampling.priority = fields.integer("priority").value_or(0);
  sampling.raw_prompt_logprobs = fields.integer("prompt_logprobs");
  sampling.return_token_ids = fields.boolean("return_token_ids").value_or(false);
  sampling.tokens_as_ids = fields.boolean("return_tokens_as_token_ids").value_or(false);
  sampling.keep_special = !fields.boolean("skip_special_tokens", Null::kRefused).value_or(true);
  sampling.beam = fields.boolean("use_beam_search", Null::kRefused).value_or(false);
  sampling.prompt_logprobs = wanted_prompt_logprobs(sampling, kind);
  sampling.request_id = fields.string("request_id");
  sampling.cache_salt = fields.string("cache_salt");
  return sampling;
}

std::optional<Answer> check_options(const Fields& fields, const Sampling& sampling) {
  if (sampling.has_stream_options && !sampling.stream) {
    return fields.refuse("Stream options can only be defined when `stream=True`.",
                         "stream_options");
  }
  if (sampling.stream && sampling.raw_prompt_logprobs.value_or(0) != 0) {
    return fields.refuse("`prompt_logprobs` are not available when `stream=True`.",
                         "prompt_logprobs");
  }
  if (sampling.raw_prompt_logprobs.value_or(0) < -1) {
    return fields.refuse("`prompt_logprobs` must be a positive value or -1.", "prompt_logprobs");
  }
  if (sampling.top_logprobs.value_or(0) != 0 && !sampling.wants_logprobs) {
    return fields.refuse("when using `top_logprobs`, `logprobs` must be set to true.",
                         "top_logprobs");
  }
  return std::nullopt;
}

std::optional<Answer> check_ranges(const Sampling& sampling, std::size_t max_model_len) {
  if (sampling.best_of.value_or(1) > 1) return refuse("vLLM V1 does not yet support best_of.");
  if (auto answer = check_counts(sampling, max_model_len)) return answer;
  if (auto answer = check_penalty("presence_penalty", sampling.presence_penalty)) return answer;
  if (auto answer = check_penalty("frequency_penalty", sampling.frequency_penalty)) return answer;
  if (sampling.repetition_penalty && *sampling.repetition_penalty <= 0) {
    return refuse("repetition_penalty must be greater than zero, got " +
                  real(*sampling.repetition_penalty) + ".");
  }
  if (auto answer = check_distribution(sampling)) return answer;
  if (sampling.tokens_min < 0) {
    return refuse("min_tokens must be greater than or equal to 0, got " +
                  std::to_string(sampling.tokens_min) + ".");
  }
  if (std::any_of(sampling.stop.begin(), sampling.stop.end(),
                  [](const std::string& stop) { return stop.empty(); })) {
    return refuse("stop cannot contain an empty string.");
  }
  if (sampling.raw_logprobs && *sampling.raw_logprobs > kLogprobsMax) {
    const std::string value = std::to_string(*sampling.raw_logprobs);
    return parameter_answer(
        {sampling.dialect,
         "Requested sample logprobs of " + value +
             ", which is greater than max allowed: " + std::to_string(kLogprobsMax),
         "logprobs", value});
  }
  if (sampling.raw_prompt_logprobs &&
      (*sampling.raw_prompt_logprobs > kLogprobsMax || *sampling.raw_prompt_logprobs == -1)) {
    const std::string value = std::to_string(*sampling.raw_prompt_logprobs);
    return parameter_answer(
        {sampling.dialect,
         "Requested prompt logprobs of " + value +
             ", which is greater than max allowed: " + std::to_string(kLogprobsMax),
         "prompt_logprobs", value});
  }
  if (sampling.raw_logprobs && *sampling.raw_logprobs < 0) {
    return parameter_answer(
        {sampling.dialect, "`logprobs` must be a positive value.", "logprobs", {}});
  }
  return std::nullopt;
}

std::optional<Answer> check_room(Kind kind, const Sampling& sampling, std::size_t prompt_tokens,
                                 std::size_t max_model_len) {
  const std::int64_t wanted = sampling.tokens_max.value_or(0);
  const auto context = static_cast<std::int64_t>(max_model_len);
  const auto prompt = static_cast<std::int64_t>(prompt_tokens);
  if (sampling.dialect == Dialect::kNew || wanted <= context - prompt) return std::nullopt;
  const std::string request = " tokens and your request has " + std::to_string(prompt) +
                              " input tokens (" + std::to_string(wanted) + " > " +
                              std::to_string(context) + " - " + std::to_string(prompt) + "). None";
  if (kind == Kind::kChat) {
    return refuse(
        "'max_tokens' or 'max_completion_tokens' is too large: " + std::to_string(wanted) +
        ". This model's maximum context length is " + std::to_string(context) + request);
  }
  return refuse("This model's maximum context length is " + std::to_string(context - wanted) +
                " tokens. However, your request has " + std::to_string(prompt) +
                " input tokens. Please reduce the length of the input messages.");
}

Answer prompt_too_long(const PromptLength& prompt) {
  const std::string count = std::to_string(prompt.tokens);
  const std::string length = "This model's maximum context length is " +
                             std::to_string(prompt.max_model_len) + " tokens. However, your ";
  if (prompt.dialect == Dialect::kOld) {
    return refuse(length + "request has " + count +
                  " input tokens. Please reduce the length of the input messages." +
                  (prompt.chat ? " None" : ""));
  }
  return parameter_answer({prompt.dialect,
                           length + "prompt contains " + (prompt.at_least ? "at least " : "") +
                               count +
                               " input tokens, which exceeds this limit even without any output "
                               "tokens. Please reduce the length of the input prompt.",
                           "input_tokens", count});
}

}  // namespace olla::sim
