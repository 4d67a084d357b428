#include "sim/api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "sim/checked_routes.h"
#include "sim/constraint.h"
#include "sim/documents.h"
#include "sim/embeddings.h"
#include "sim/failure.h"
#include "sim/form.h"
#include "sim/json_text.h"
#include "sim/messages.h"
#include "sim/metrics_text.h"
#include "sim/routes.h"
#include "sim/scores.h"
#include "sim/tokenize.h"

namespace olla::sim {
namespace {

using nlohmann::json;
using Tokens = std::vector<TokenId>;

// Answers to one request: each prompt may ask for vLLM's limit of `n`, but not all of them.
constexpr std::size_t kChoicesMax = 16384;

Answer too_many_choices() {
  ErrorBody error;
  error.message = "A request may ask for " + std::to_string(kChoicesMax) + " answers at most.";
  return error_answer(error);
}

/// How an old server says that it is there for something else: with the status of a success.
Answer wrong_service_answer(const Route& route) {
  ErrorBody error;
  error.message = "The model does not support " + std::string(route.api) + " API";
  Answer answer = error_answer(error);
  answer.status = 200;
  return answer;
}

std::uint64_t hash_text(std::string_view text, std::uint64_t state) {
  for (const char c : text) {
    state = (state ^ static_cast<std::uint8_t>(c)) * 0x100000001B3ULL;  // FNV-1a
  }
  return Random(state).next();
}

/// Whether a prompt of /v1/completions, or one of several, is text and not tokens.
bool has_text(const json& prompt) {
  return prompt.is_string() ||
         (prompt.is_array() && std::any_of(prompt.begin(), prompt.end(),
                                           [](const json& part) { return part.is_string(); }));
}

/// What this API cannot do. `suffix` needs a model that a real server seldom has.
std::optional<Answer> check_completion(const Fields& fields, const Sampling& sampling) {
  ErrorBody error;
  if (sampling.beam && sampling.stream) {
    error.message = "Streaming is not currently supported with beam search";
    return error_answer(error);
  }
  if (fields.find("suffix") == nullptr) return std::nullopt;
  if (fields.dialect() == Dialect::kOld) {
    error.message = "suffix is not currently supported";
    return error_answer(error);
  }
  error.message = "suffix is only supported for models with FIM completion rendering";
  error.param = "suffix";
  return error_answer(error);
}

/// Whether a template would let the model think. Only what is no object is refused elsewhere.
bool thinking_enabled(const Fields& fields) {
  const json* arguments = fields.find("chat_template_kwargs");
  if (arguments == nullptr || !arguments->is_object()) return true;
  return arguments->value("enable_thinking", json(true)) != false;
}

/// A chat echoes the message that it goes on with, and nothing else.
void take_echo(Fields& fields, Exchange& exchange) {
  const bool continues = fields.boolean("continue_final_message").value_or(false);
  if (exchange.sampling.echo && continues) {
    exchange.echo = content_text(fields.find("messages")->back());
  }
  exchange.sampling.echo = false;
}

}  // namespace

Api::Api(ApiOptions options, ApiTime started)
    : options_(std::move(options)),
      started_(started),
      dialect_(dialect_of(options_.version)),
      models_(options_.models, options_.loras, dialect_),
      ranks_(options_.rules, options_.data_parallel_size),
      administration_(ranks_, models_),
      ids_(options_.id_seed),
      http_metrics_(static_cast<double>(started.unix_seconds)) {
  if (dialect_ == Dialect::kOld) return;
  const std::uint64_t hash = hash_text(models_.first(), options_.rules.max_model_len);
  fingerprint_ = "vllm-" + options_.version + "-" + hex16(hash).substr(0, 8);
}

Reply Api::handle(const ApiRequest& request, ApiTime time) {
  Reply reply = route(request, time);
  if (auto* answer = std::get_if<Answer>(&reply)) adapt(*answer, dialect_);
  return reply;
}

Reply Api::route(const ApiRequest& request, ApiTime time) {
  const std::string path = decoded_path(request.target);
  const RouteRules rules = route_rules();
  const Route* known = find_route(path, rules);
  // An old server has every route; it refuses later, in words of its own.
  const bool served = known != nullptr && serves(options_.service, *known);
  if (known == nullptr || (!served && dialect_ == Dialect::kNew)) {
    const bool has_slash = path.size() > 1 && path.back() == '/';
    const std::string_view without = std::string_view(path).substr(0, path.size() - 1);
    if (!has_slash || find_route(without, rules) == nullptr) return not_found_answer();
    return redirect_answer("http://" + std::string(request.host) + std::string(without));
  }
  if (!allows(*known, request.method)) return method_not_allowed_answer(known->allow);
  if (known->presence == Presence::kDev || known->presence == Presence::kLora) {
    return administration_.handle(path, request, time.now);
  }
  if (path == "/sim/faults") return faults_.handle(request, dialect_, time.now);
  if (path.starts_with("/sim/")) return control(path, time.now);
  if (path.starts_with("/v1/responses/")) {
    if (!served) return wrong_service_answer(*known);
    return known->allow == "GET" ? stored_response(responses_, response_id(path), dialect_)
                                 : cancel_response(responses_, response_id(path), dialect_);
  }
  if (known->presence == Presence::kScaleOut && !options_.scale_out) return scale_out_answer();
  if (known->allow == "POST") return post(*known, request, time);
  return get(path, time);
}

RouteRules Api::route_rules() const {
  return {dialect_, options_.dev_mode, options_.lora_updating};
}

std::string Api::handler(std::string_view method, std::string_view target) const {
  std::string path = decoded_path(target);
  const Route* route = find_route(path, route_rules());
  if (route != nullptr && allows(*route, method) && serves(options_.service, *route)) {
    return std::string(route->path);
  }
  // A redirect counts for the path that was asked for.
  const bool has_slash = path.size() > 1 && path.back() == '/';
  const std::string_view without = std::string_view(path).substr(0, path.size() - 1);
  return has_slash && find_route(without, route_rules()) != nullptr ? path : "none";
}

Answer Api::metrics(TimePoint now) {
  ranks_.update(now);
  const MetricsLabels labels{models_.first(), static_cast<double>(started_.unix_seconds),
                             dialect_,        administration_.sleep_level(),
                             rejected_,       options_.rules.max_model_len};
  std::string text;
  const ProcessFigures figures =
      options_.process == nullptr ? ProcessFigures() : options_.process();
  write_process_metrics(text, figures, dialect_);
  text += metrics_text(ranks_.engines(), labels);
  http_metrics_.write(text);
  return metrics_answer(std::move(text));
}

Answer Api::control(std::string_view path, TimePoint now) {
  if (path == "/sim/drain") {
    condition_ = Condition::kDraining;
    return json_answer(R"({"condition":"draining"})");
  }
  if (path == "/sim/hang") {
    condition_ = Condition::kHung;
    return json_answer(R"({"condition":"hung"})");
  }
  condition_ = Condition::kDead;
  ranks_.fail_all(now);
  return json_answer(R"({"condition":"dead"})");
}

Answer Api::get(std::string_view path, ApiTime time) {
  if (path == "/version") {
    std::string body = R"({"version":)";
    append_json_string(body, options_.version);
    return json_answer(body + "}");
  }
  if (path == "/load") {
    return json_answer(R"({"server_load":)" + std::to_string(options_.load_tracking ? load_ : 0) +
                       "}");
  }
  if (path == "/v1/models")
    return json_answer(models_.list({time.unix_seconds, options_.rules.max_model_len}, ids_));
  if (path == "/metrics") return metrics(time.now);
  if (path == "/kv_event_sources") return json_answer("{}");
  if (path == "/openapi.json") return openapi_answer(options_.service, route_rules());
  if (path == "/docs" || path == "/redoc") return documents_page(path);
  Answer answer = empty_answer();  // /health and /ping
  if (condition_ == Condition::kDead) answer.status = 503;
  return answer;
}

Reply Api::post(const Route& route, const ApiRequest& request, ApiTime time) {
  std::string_view path = route.path;
  if (path == "/v1/audio/transcriptions" && serves(options_.service, route)) {
    return transcribe(request);
  }
  auto parsed = parse_body(request, dialect_);
  if (auto* refused = std::get_if<Answer>(&parsed)) return std::move(*refused);
  if (!serves(options_.service, route)) return wrong_service_answer(route);
  const json& body = std::get<json>(parsed);
  if (path == "/invocations") path = invoked_path(body, options_.service);
  if (path.empty()) return no_invocation_answer();
  if (route.presence == Presence::kScaleOut) return scaled_out_answer(path);
  if (path == "/v1/systemone" || path == "/generative_scoring" || path == "/v2/embed") {
    return checked_answer(path, body, dialect_);
  }
  if (path == "/v1/chat/completions") return generate(Kind::kChat, body, request, time);
  if (path == "/v1/chat/completions/batch") return generate_batch(body, request, time);
  if (path == "/v1/completions") return generate(Kind::kCompletion, body, request, time);
  if (path == "/v1/responses") return respond(body, request, time);
  if (path.starts_with("/v1/messages")) return message(path, body, request, time);
  if (path == "/tokenize") return tokenize_answer(body, prompt_rules(), models_);
  if (path == "/detokenize") return detokenize_answer(body, tokenizer_, models_);
  return embed(path, body, request, time);
}

Reply Api::generate(Kind kind, const json& body, const ApiRequest& request, ApiTime time) {
  Fields fields(body, dialect_);
  Exchange exchange;
  exchange.kind = kind;
  exchange.sampling = read_sampling(fields, kind);
  if (options_.force_usage && exchange.sampling.stream) {
    exchange.sampling.include_usage = true;
    exchange.sampling.continuous_usage = true;
  }
  const Sampling& sampling = exchange.sampling;
  auto refused_rules = read_token_rules(fields, tokenizer_, exchange.sampling);
  auto constraint = read_constraint(fields, kind);
  auto refused_chat = kind == Kind::kChat ? read_chat(fields, exchange) : std::nullopt;
  if (!fields.failed()) {
    if (auto refused = check_options(fields, sampling)) return std::move(*refused);
    if (auto* refused = std::get_if<Answer>(&constraint)) return std::move(*refused);
    if (refused_chat) return std::move(*refused_chat);
    if (auto refused = models_.check(sampling.model)) return std::move(*refused);
    if (auto refused = check_parsers(exchange.tools, options_.parsers, dialect_)) {
      return std::move(*refused);
    }
    if (refused_rules) return std::move(*refused_rules);
    if (auto refused = check_thinking_budget(fields)) return std::move(*refused);
    if (kind == Kind::kCompletion) {
      if (auto refused = check_completion(fields, sampling)) return std::move(*refused);
    }
  }
  auto prompts = read_prompts(kind, fields);
  if (fields.failed()) return fields.answer();
  if (auto* refused = std::get_if<Answer>(&prompts)) return std::move(*refused);
  exchange.prompts = std::get<std::vector<Tokens>>(std::move(prompts));
  exchange.constraint = std::get<std::optional<Constraint>>(std::move(constraint));
  if (kind == Kind::kChat) take_echo(fields, exchange);
  const bool text = kind == Kind::kChat || has_text(*fields.find("prompt"));
  const std::string_view prefix = kind == Kind::kChat ? "chatcmpl-" : "cmpl-";
  exchange.id = std::string(prefix) + request_id(request, sampling.request_id);
  return begin(std::move(exchange), text, time);
}

Reply Api::message(std::string_view path, const json& body, const ApiRequest& request,
                   ApiTime time) {
  Fields fields(body, dialect_);
  Exchange exchange;
  exchange.kind = Kind::kMessage;
  const bool only_count = path.ends_with("/count_tokens");
  if (only_count) {
    exchange.sampling.model = fields.string("model");
  } else {
    exchange.sampling = read_message_options(fields);
  }
  if (fields.failed()) return fields.answer();
  if (auto refused = models_.check(exchange.sampling.model)) {
    return message_error(std::move(*refused));
  }
  const json chat = messages_as_chat(body);
  Fields chat_fields(chat, dialect_);
  if (auto refused = read_tool_chat(chat_fields, exchange)) return message_error(*refused);
  auto prompts = read_prompts(Kind::kMessage, chat_fields);
  if (chat_fields.failed()) return chat_fields.answer();
  if (auto* refused = std::get_if<Answer>(&prompts)) return message_error(std::move(*refused));
  exchange.prompts = std::get<std::vector<Tokens>>(std::move(prompts));
  if (only_count) return message_count_answer(exchange.prompt_tokens());
  exchange.id = "chatcmpl-" + request_id(request, std::nullopt);
  Reply reply = begin(std::move(exchange), true, time);
  if (auto* refused = std::get_if<Answer>(&reply)) return message_error(std::move(*refused));
  return reply;
}

Reply Api::respond(const json& body, const ApiRequest& request, ApiTime time) {
  Fields fields(body, dialect_);
  Exchange exchange;
  exchange.kind = Kind::kResponse;
  exchange.sampling = read_response_options(fields);
  exchange.previous_id = fields.string("previous_response_id");
  const bool stored = fields.boolean("store").value_or(true);
  if (fields.failed()) return fields.answer();
  if (auto refused = models_.check(exchange.sampling.model)) return std::move(*refused);
  if (exchange.previous_id && responses_.find(*exchange.previous_id) == nullptr) {
    return response_not_found(*exchange.previous_id, dialect_);
  }
  const json chat = responses_as_chat(body);
  Fields chat_fields(chat, dialect_);
  if (auto refused = read_tool_chat(chat_fields, exchange)) return std::move(*refused);
  auto prompts = read_prompts(Kind::kResponse, chat_fields);
  if (chat_fields.failed()) return chat_fields.answer();
  if (auto* refused = std::get_if<Answer>(&prompts)) return std::move(*refused);
  exchange.prompts = std::get<std::vector<Tokens>>(std::move(prompts));
  exchange.room = options_.rules.max_model_len - exchange.prompt_tokens();
  exchange.id = "resp_" + request_id(request, std::nullopt);
  if (stored) exchange.store = &responses_;
  return begin(std::move(exchange), true, time);
}

/// Reads what a chat says of tools and thoughts, and what its last message asks for.
std::optional<Answer> Api::read_chat(Fields& fields, Exchange& exchange) {
  auto tools = read_tools(fields);
  exchange.include_reasoning = fields.boolean("include_reasoning").value_or(true);
  exchange.reasoning = !options_.parsers.reasoning.empty() && thinking_enabled(fields);
  if (auto* refused = std::get_if<Answer>(&tools)) return std::move(*refused);
  exchange.tools = std::get<ToolUse>(std::move(tools));
  const json* messages = fields.find("messages");
  if (messages == nullptr || !messages->is_array() || messages->empty()) return std::nullopt;
  const json& last = messages->back();
  if (!last.is_object()) return std::nullopt;
  exchange.script = script_in(content_text(last));
  // Without a header for the answer the last turn goes on.
  const bool opens_turn = fields.boolean("add_generation_prompt").value_or(true);
  if (!opens_turn && last.contains("role") && last.at("role").is_string()) {
    exchange.role = last.at("role");
  }
  return std::nullopt;
}

/// Only a server that knows where thoughts end can limit them.
std::optional<Answer> Api::check_thinking_budget(const Fields& fields) const {
  const json* budget = fields.find("thinking_token_budget");
  const bool given = budget != nullptr && !budget->is_null();
  if (!given || dialect_ == Dialect::kOld || !options_.parsers.reasoning.empty()) {
    return std::nullopt;
  }
  ErrorBody error;
  error.message =
      "thinking_token_budget is set but reasoning_config is not configured. Please set "
      "--reasoning-parser and/or --reasoning-config to use thinking_token_budget.";
  return error_answer(error);
}

/// The same for a chat in another form, and whether this server has what it needs.
std::optional<Answer> Api::read_tool_chat(Fields& fields, Exchange& exchange) {
  auto refused = read_chat(fields, exchange);
  if (fields.failed()) return fields.answer();
  if (refused) return refused;
  return check_parsers(exchange.tools, options_.parsers, dialect_);
}

/// Checks what does not depend on the route, and hands the request to an engine. `has_text`: not
/// all prompts came as tokens.
Reply Api::begin(Exchange exchange, bool has_text, ApiTime time) {
  const Sampling& sampling = exchange.sampling;
  const std::size_t max_model_len = options_.rules.max_model_len;
  for (const Tokens& prompt : exchange.prompts) {
    if (auto refused = check_room(exchange.kind, sampling, prompt.size(), max_model_len)) {
      return std::move(*refused);
    }
  }
  if (auto refused = check_ranges(sampling, max_model_len)) return std::move(*refused);
  if (exchange.prompts.size() * static_cast<std::size_t>(sampling.samples) > kChoicesMax) {
    return too_many_choices();
  }
  auto demanded = demanded_tokens(exchange, 0, 0);
  if (demanded) {
    if (auto* refused = std::get_if<Answer>(&*demanded)) return std::move(*refused);
  }
  if (auto refused = check_condition(has_text)) return std::move(*refused);
  exchange.dialect = dialect_;
  exchange.created = time.unix_seconds;
  exchange.model = models_.name_for(sampling.model);
  exchange.fingerprint = fingerprint_;
  exchange.tokenizer = &tokenizer_;
  exchange.ids = Random(ids_.next());
  exchange.prompt_tokens_details = options_.prompt_tokens_details;
  exchange.stream_interval = options_.stream_interval;
  return submit(std::move(exchange), time.now);
}

std::optional<Answer> Api::check_condition(bool has_text) {
  if (condition_ == Condition::kDead) return engine_dead_answer(dialect_);
  // Threads that turn text into tokens are the first to go: a prompt of ids does without them.
  if (condition_ == Condition::kDraining && has_text) return shutdown_answer();
  const std::size_t limit = options_.rules.max_num_queued_reqs;
  if (limit == 0 || ranks_.present() < limit) return std::nullopt;
  ++rejected_;
  return busy_answer();
}

std::variant<std::vector<Tokens>, Answer> Api::read_prompts(Kind kind, Fields& fields) const {
  if (kind == Kind::kCompletion) return text_prompts(fields, "prompt", prompt_rules());
  auto chat = chat_prompt(fields, prompt_rules());
  if (auto* refused = std::get_if<Answer>(&chat)) return std::move(*refused);
  std::vector<Tokens> prompts;
  prompts.push_back(std::get<Tokens>(std::move(chat)));
  return prompts;
}

std::unique_ptr<Generation> Api::submit(Exchange exchange, TimePoint now) {
  const auto samples = static_cast<std::size_t>(exchange.sampling.samples);
  // Adapters compute other things from the same prompt.
  const bool is_adapter = exchange.model != models_.first();
  std::uint64_t salt = is_adapter ? hash_text(exchange.model, 0) : 0;
  if (exchange.sampling.cache_salt) salt = hash_text(*exchange.sampling.cache_salt, salt);
  std::vector<Sequence> sequences;
  for (std::size_t number = 0; number < exchange.prompts.size(); ++number) {
    const Tokens& prompt = exchange.prompts[number];
    const std::size_t room = options_.rules.max_model_len - prompt.size();
    const Sampling& sampling = exchange.sampling;
    const auto limit = sampling.tokens_max.value_or(static_cast<std::int64_t>(room));
    const std::size_t wanted = exchange.only_echo() ? 1 : static_cast<std::size_t>(limit);
    for (std::size_t sample = 0; sample < samples; ++sample) {
      exchange.choices.emplace_back(
          exchange.choices.size(), number, sampling,
          OutputParser::Rules{exchange.reasoning, exchange.tools.active(), sampling.stream});
      const TextSeed seed{
          sampling.seed ? static_cast<std::uint64_t>(*sampling.seed) : options_.seed, prompt,
          sample};
      sequences.push_back({prompt, text_for(exchange, number, seed), std::min(wanted, room),
                           static_cast<std::size_t>(sampling.tokens_min), sampling.ignore_end, salt,
                           sampling.priority, samples, sampling.rules, text_seed(seed)});
    }
  }
  auto generation = std::make_unique<Generation>(std::move(exchange));
  ranks_.submit(*generation, std::move(sequences), now);
  ++load_;
  return generation;
}

/// The tokens of the answer to a prompt whose text is demanded: by the tools to call, by a mark in
/// the last message, or by a constraint. nullopt: nothing is. Or the 400 for what cannot be
/// followed.
std::optional<std::variant<Tokens, Answer>> Api::demanded_tokens(const Exchange& exchange,
                                                                 std::size_t prompt,
                                                                 std::uint64_t seed) const {
  Random random(seed);
  const Script script = exchange.scripts.empty() ? exchange.script : exchange.scripts[prompt];
  auto calls = tool_tokens(exchange.tools, script, tokenizer_, random);
  if (calls) return calls;
  if (script != Script::kNone) return script_tokens(script, tokenizer_);
  if (!exchange.constraint) return std::nullopt;
  auto text = constrained_text(*exchange.constraint, dialect_, random);
  if (auto* refused = std::get_if<Answer>(&text)) return std::move(*refused);
  Tokens tokens;
  if (exchange.reasoning) {
    tokens.push_back(tokenizer_.phrase("<think>"));
    tokenizer_.append("\nThe answer has to fit.\n", tokens);
    tokens.push_back(tokenizer_.phrase("</think>"));
  }
  tokenizer_.append(std::get<std::string>(text), tokens);
  return tokens;
}

TextGenerator Api::text_for(const Exchange& exchange, std::size_t prompt,
                            const TextSeed& seed) const {
  auto demanded = demanded_tokens(exchange, prompt, text_seed(seed));
  if (!demanded) return continuation_.after(seed, exchange.reasoning);
  // Another seed may lead to a text that is too long; that of the check did not.
  if (std::holds_alternative<Answer>(*demanded)) demanded = demanded_tokens(exchange, prompt, 0);
  OLLA_CHECK(demanded && std::holds_alternative<Tokens>(*demanded));
  return TextGenerator(tokenizer_, std::get<Tokens>(*std::move(demanded)));
}

std::optional<TimePoint> Api::next_time() const {
  if (condition_ == Condition::kHung) return std::nullopt;
  return ranks_.next_time();
}

void Api::advance(TimePoint now) {
  if (condition_ == Condition::kHung) return;
  ranks_.advance(now);
}

void Api::leave(Generation& generation, TimePoint now) {
  ranks_.leave(generation, now);
  --load_;
}

Answer Api::embed(std::string_view path, const json& body, const ApiRequest& request,
                  ApiTime time) {
  const EmbeddingContext context{prompt_rules(), models_.served(),
                                 request_id(request, std::nullopt), time.unix_seconds};
  if (path == "/v1/embeddings") return embeddings_answer(body, context);
  if (path.ends_with("/score")) return score_answer(body, context);
  if (path.ends_with("/rerank")) return rerank_answer(body, context);
  if (path == "/classify") return classify_answer(body, context);
  return pooling_answer(body, context);
}

/// A form, not JSON: nothing listens to what is in the file.
Answer Api::transcribe(const ApiRequest& request) const {
  const std::string_view type = request.content_type.value_or(std::string_view());
  const json body = json::object();
  Fields fields(body, dialect_);
  const auto model = form_field(type, request.body, "model");
  if (!form_field(type, request.body, "file")) fields.fail_missing("file");
  if (!model) fields.fail_missing("model");
  if (fields.failed()) return fields.answer();
  if (auto refused = models_.check(std::string(*model))) return std::move(*refused);
  TextGenerator words(tokenizer_, hash_text(request.body, 0), false);
  std::vector<TokenId> tokens;
  for (TokenId token = words.next(true); token != Tokenizer::kTurnEnd; token = words.next(true)) {
    tokens.push_back(token);
  }
  std::string out = R"({"text":)";
  append_json_string(out, tokenizer_.detokenize(tokens));
  return json_answer(out + R"(,"usage":{"type":"duration","seconds":1}})");
}

std::string Api::request_id(const ApiRequest& request,
                            const std::optional<std::string>& from_body) {
  if (request.request_id && !request.request_id->empty()) return std::string(*request.request_id);
  if (from_body) return *from_body;
  return make_id(dialect_, ids_);
}

PromptRules Api::prompt_rules() const {
  return {tokenizer_, options_.rules.max_model_len, models_.first(), dialect_};
}

}  // namespace olla::sim
