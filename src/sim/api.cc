#include "sim/api.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "sim/embeddings.h"
#include "sim/json_text.h"
#include "sim/metrics_text.h"

namespace olla::sim {
namespace {

using nlohmann::json;
using Tokens = std::vector<TokenId>;

constexpr std::string_view kVersion = "0.32.0";
// Answers to one request: each prompt may ask for vLLM's limit of `n`, but not all of them.
constexpr std::size_t kChoicesMax = 16384;

struct Route {
  std::string_view path;
  std::string_view allow;  ///< Methods, as the allow header lists them.
};
constexpr std::array<Route, 11> kRoutes = {{{"/health", "GET"},
                                            {"/ping", "GET, POST"},
                                            {"/version", "GET"},
                                            {"/load", "GET"},
                                            {"/metrics", "GET"},
                                            {"/v1/models", "GET"},
                                            {"/v1/chat/completions", "POST"},
                                            {"/v1/completions", "POST"},
                                            {"/v1/embeddings", "POST"},
                                            {"/tokenize", "POST"},
                                            {"/detokenize", "POST"}}};

const Route* find_route(std::string_view path) {
  const auto* const at = std::find_if(kRoutes.begin(), kRoutes.end(),
                                      [path](const Route& route) { return route.path == path; });
  return at == kRoutes.end() ? nullptr : at;
}

bool allows(const Route& route, std::string_view method) {
  if (route.allow == "GET, POST") return method == "GET" || method == "POST";
  return method == route.allow;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The path of a request target, percent-decoded: an encoded letter finds its route too.
std::string decoded_path(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (!target.starts_with('/') && scheme != std::string_view::npos) {
    const std::size_t slash = target.find('/', scheme + 3);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  target = target.substr(0, target.find_first_of("?#"));
  std::string path;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const bool encoded = target[i] == '%' && target.size() - i > 2;
    const int high = encoded ? hex_digit(target[i + 1]) : -1;
    const int low = encoded ? hex_digit(target[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      path += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      path += target[i];
    }
  }
  return path;
}

Answer too_many_choices() {
  ErrorBody error;
  error.message = "A request may ask for " + std::to_string(kChoicesMax) + " answers at most.";
  return error_answer(error);
}

std::uint64_t hash_text(std::string_view text, std::uint64_t state) {
  for (const char c : text) {
    state = (state ^ static_cast<std::uint8_t>(c)) * 0x100000001B3ULL;  // FNV-1a
  }
  return Random(state).next();
}

/// `"required"`, or `function "name"` for a tool that the request names.
std::string tool_choice_name(const json& choice) {
  const json::json_pointer name("/function/name");
  if (!choice.is_object() || !choice.contains(name)) return choice.dump();
  return "function " + choice.at(name).dump();
}

/// Features of the request that this server lacks, as a vLLM without them refuses them.
std::optional<Answer> check_features(Kind kind, const Fields& fields) {
  ErrorBody error;
  if (kind == Kind::kCompletion) {
    if (fields.find("suffix") == nullptr) return std::nullopt;
    error.message = "suffix is only supported for models with FIM completion rendering";
    error.param = "suffix";
    return error_answer(error);
  }
  const json* tools = fields.find("tools");
  if (tools == nullptr || tools->empty()) return std::nullopt;
  const json* choice = fields.find("tool_choice");
  if (choice != nullptr && *choice == "none") return std::nullopt;
  if (choice == nullptr || *choice == "auto") {
    error.message =
        "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set";
  } else {
    error.message =
        "tool_choice=" + tool_choice_name(*choice) + " requires --tool-call-parser to be set";
  }
  return error_answer(error);
}

}  // namespace

Api::Api(ApiOptions options, ApiTime started)
    : options_(std::move(options)),
      started_(started),
      engine_(options_.rules),
      ids_(options_.id_seed) {
  OLLA_CHECK(!options_.models.empty());
  const std::uint64_t hash = hash_text(options_.models.front(), options_.rules.max_model_len);
  fingerprint_ = "vllm-" + std::string(kVersion) + "-" + hex16(hash).substr(0, 8);
}

Reply Api::handle(const ApiRequest& request, ApiTime time) {
  const std::string path = decoded_path(request.target);
  const Route* route = find_route(path);
  if (route == nullptr) {
    const bool has_slash = path.size() > 1 && path.back() == '/';
    const std::string_view without = std::string_view(path).substr(0, path.size() - 1);
    if (!has_slash || find_route(without) == nullptr) return not_found_answer();
    return redirect_answer("http://" + std::string(request.host) + std::string(without));
  }
  if (!allows(*route, request.method)) return method_not_allowed_answer(route->allow);
  if (route->allow == "POST") return post(path, request, time);
  return get(path, time);
}

Answer Api::get(std::string_view path, ApiTime time) {
  if (path == "/version") return json_answer(R"({"version":")" + std::string(kVersion) + "\"}");
  if (path == "/load") return json_answer(R"({"server_load":0})");
  if (path == "/v1/models") return json_answer(models_body(time));
  if (path == "/metrics") {
    const MetricsLabels labels{options_.models.front(), static_cast<double>(started_.unix_seconds)};
    return metrics_answer(metrics_text(engine_.stats(), options_.rules, labels));
  }
  return empty_answer();  // /health and /ping
}

Reply Api::post(std::string_view path, const ApiRequest& request, ApiTime time) {
  auto parsed = parse_body(request);
  if (auto* refused = std::get_if<Answer>(&parsed)) return std::move(*refused);
  const json& body = std::get<json>(parsed);
  if (path == "/v1/chat/completions") return generate(Kind::kChat, body, request, time);
  if (path == "/v1/completions") return generate(Kind::kCompletion, body, request, time);
  if (path == "/v1/embeddings") return embeddings(body, request, time);
  if (path == "/tokenize") return tokenize(body);
  return detokenize(body);
}

Reply Api::generate(Kind kind, const json& body, const ApiRequest& request, ApiTime time) {
  Fields fields(body);
  Exchange exchange;
  exchange.kind = kind;
  exchange.sampling = read_sampling(fields, kind);
  const Sampling& sampling = exchange.sampling;
  if (!fields.failed()) {
    if (auto refused = check_options(sampling)) return std::move(*refused);
    if (auto refused = check_model(sampling.model)) return std::move(*refused);
    if (auto refused = check_features(kind, fields)) return std::move(*refused);
  }
  if (kind == Kind::kChat) {
    auto prompt = chat_prompt(fields, prompt_rules());
    if (fields.failed()) return fields.answer();
    if (auto* refused = std::get_if<Answer>(&prompt)) return std::move(*refused);
    exchange.prompts.push_back(std::get<Tokens>(std::move(prompt)));
  } else {
    auto prompts = text_prompts(fields, "prompt", prompt_rules());
    if (fields.failed()) return fields.answer();
    if (auto* refused = std::get_if<Answer>(&prompts)) return std::move(*refused);
    exchange.prompts = std::get<std::vector<Tokens>>(std::move(prompts));
  }
  if (auto refused = check_ranges(sampling, options_.rules.max_model_len)) {
    return std::move(*refused);
  }
  if (exchange.prompts.size() * static_cast<std::size_t>(sampling.samples) > kChoicesMax) {
    return too_many_choices();
  }
  const std::string_view prefix = kind == Kind::kChat ? "chatcmpl-" : "cmpl-";
  exchange.id = std::string(prefix) + request_id(request, sampling.request_id);
  exchange.created = time.unix_seconds;
  exchange.model = options_.models.front();
  exchange.fingerprint = fingerprint_;
  exchange.tokenizer = &tokenizer_;
  return submit(std::move(exchange), time.now);
}

std::unique_ptr<Generation> Api::submit(Exchange exchange, TimePoint now) {
  const auto samples = static_cast<std::size_t>(exchange.sampling.samples);
  for (std::size_t prompt = 0; prompt < exchange.prompts.size(); ++prompt) {
    for (std::size_t sample = 0; sample < samples; ++sample) {
      exchange.choices.emplace_back(exchange.choices.size(), prompt, exchange.sampling);
    }
  }
  auto generation = std::make_unique<Generation>(std::move(exchange));
  const Sampling& sampling = generation->exchange().sampling;
  for (Choice& choice : generation->exchange_.choices) {
    const Tokens& prompt = generation->exchange().prompts[choice.prompt];
    const std::size_t room = options_.rules.max_model_len - prompt.size();
    const std::size_t wanted = generation->exchange().only_echo()
                                   ? 1
                                   : static_cast<std::size_t>(sampling.tokens_max.value_or(
                                         static_cast<std::int64_t>(room)));
    const TextSeed seed{sampling.seed ? static_cast<std::uint64_t>(*sampling.seed) : options_.seed,
                        prompt, choice.index % samples};
    const bool continues = generation->exchange().kind == Kind::kCompletion;
    Sequence sequence{prompt, TextGenerator(tokenizer_, text_seed(seed), continues),
                      std::min(wanted, room), static_cast<std::size_t>(sampling.tokens_min),
                      sampling.ignore_end};
    choice.sequence = engine_.submit(std::move(sequence), now);
    places_.emplace(choice.sequence, Place{generation.get(), choice.index});
  }
  return generation;
}

void Api::advance(TimePoint now) {
  while (const auto event = engine_.next(now)) {
    const auto at = places_.find(event->sequence);
    OLLA_CHECK(at != places_.end());
    const Place place = at->second;
    if (event->finish) places_.erase(at);
    Generation& generation = *place.generation;
    const bool stopped = generation.add_token(place.choice, *event);
    if (stopped && !event->finish) {
      places_.erase(event->sequence);
      engine_.stop(event->sequence, event->time);
    }
    // Last: the listener may leave and destroy the generation.
    if (generation.listener_ != nullptr && generation.ready()) generation.listener_->on_ready();
  }
}

void Api::leave(Generation& generation, TimePoint now) {
  if (generation.done()) return;
  for (const Choice& choice : generation.exchange().choices) {
    if (places_.erase(choice.sequence) > 0) engine_.abort(choice.sequence, now);
  }
}

Answer Api::tokenize(const json& body) const {
  Fields fields(body);
  const auto model = fields.string("model");
  const bool with_text = fields.boolean("return_token_strs").value_or(false);
  Tokens tokens;
  const json* prompt = fields.find("prompt");
  if (prompt != nullptr && prompt->is_string()) {
    tokens = tokenizer_.tokenize(prompt->get_ref<const std::string&>());
  } else if (prompt != nullptr) {
    fields.fail("string_type", "prompt", "Input should be a valid string", *prompt);
  } else if (fields.find("messages") == nullptr) {
    fields.fail_missing("prompt");
    fields.fail_missing("messages");
  } else {
    auto chat = chat_prompt(fields, prompt_rules());
    if (auto* refused = std::get_if<Answer>(&chat)) return std::move(*refused);
    tokens = std::get<Tokens>(std::move(chat));
  }
  if (fields.failed()) return fields.answer();
  if (auto refused = check_model(model)) return std::move(*refused);
  std::string out = R"({"count":)" + std::to_string(tokens.size());
  out += R"(,"max_model_len":)" + std::to_string(options_.rules.max_model_len);
  out += R"(,"tokens":)";
  append_token_ids(out, tokens);
  out += R"(,"token_strs":)";
  if (with_text) {
    out += '[';
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) out += ',';
      append_json_string(out, tokenizer_.display(tokens[i]));
    }
    out += "]}";
  } else {
    out += "null}";
  }
  return json_answer(std::move(out));
}

Answer Api::detokenize(const json& body) const {
  Fields fields(body);
  const auto model = fields.string("model");
  const json* ids = fields.find("tokens");
  if (ids == nullptr) {
    fields.fail_missing("tokens");
  } else if (!ids->is_array()) {
    fields.fail("list_type", "tokens", "Input should be a valid list", *ids);
  }
  Tokens tokens;
  for (const json& id : ids != nullptr && ids->is_array() ? *ids : json::array()) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= tokenizer_.size()) {
      fields.fail("int_type", "tokens." + std::to_string(tokens.size()),
                  "Input should be a valid integer", id);
      break;
    }
    tokens.push_back(id.get<TokenId>());
  }
  if (fields.failed()) return fields.answer();
  if (auto refused = check_model(model)) return std::move(*refused);
  std::string out = R"({"prompt":)";
  append_json_string(out, tokenizer_.detokenize(tokens));
  return json_answer(out + "}");
}

Answer Api::embeddings(const json& body, const ApiRequest& request, ApiTime time) {
  const EmbeddingContext context{prompt_rules(), options_.models, request_id(request, std::nullopt),
                                 time.unix_seconds};
  return embeddings_answer(body, context);
}

std::string Api::models_body(ApiTime time) {
  const std::string created = std::to_string(time.unix_seconds);
  std::string out = R"({"object":"list","data":[)";
  for (const std::string& model : options_.models) {
    if (&model != &options_.models.front()) out += ',';
    out += R"({"id":)";
    append_json_string(out, model);
    out += R"(,"object":"model","created":)" + created + R"(,"owned_by":"vllm","root":)";
    append_json_string(out, options_.models.front());
    out += R"(,"parent":null,"max_model_len":)" + std::to_string(options_.rules.max_model_len);
    out += R"(,"permission":[{"id":"modelperm-)" + hex16(ids_.next());
    out += R"(","object":"model_permission","created":)" + created;
    out += R"(,"allow_create_engine":false,"allow_sampling":true,"allow_logprobs":true,)"
           R"("allow_search_indices":false,"allow_view":true,"allow_fine_tuning":false,)"
           R"("organization":"*","group":null,"is_blocking":false}]})";
  }
  return out + "]}";
}

std::optional<Answer> Api::check_model(const std::optional<std::string>& model) const {
  const auto& served = options_.models;
  if (!model || model->empty() || std::find(served.begin(), served.end(), *model) != served.end()) {
    return std::nullopt;
  }
  ErrorBody error;
  error.status = 404;
  error.type = "NotFoundError";
  error.message = "The model `" + *model + "` does not exist. Valid aliases: ";
  for (const std::string& name : served) {
    if (&name != &served.front()) error.message += ", ";
    error.message += name;
  }
  error.message += ".";
  error.param = "model";
  return error_answer(error);
}

std::string Api::request_id(const ApiRequest& request,
                            const std::optional<std::string>& from_body) {
  if (request.request_id && !request.request_id->empty()) return std::string(*request.request_id);
  if (from_body) return *from_body;
  return hex16(ids_.next());
}

PromptRules Api::prompt_rules() const {
  return {tokenizer_, options_.rules.max_model_len, options_.models.front()};
}

}  // namespace olla::sim
