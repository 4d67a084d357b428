#include "sim/embeddings.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "base/random.h"
#include "sim/json_text.h"
#include "sim/wire.h"

namespace olla::sim {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "base64 vectors are little-endian");

// The lengths that a Matryoshka model offers, as a real one lists them.
constexpr std::array<std::int64_t, 4> kDimensions = {32, 64, 128, 256};

void normalize(std::vector<double>& vector) {
  double square = 0;
  for (const double value : vector) {
    square += value * value;
  }
  const double length = std::sqrt(square);
  for (double& value : vector) {
    value = length > 0 ? value / length : 0;
  }
}

/// The request models of the route are tried one after the other; each reports what it misses.
void fail_without_input(Fields& fields) {
  for (const std::string_view member :
       {"input", "messages", "messages", "messages", "input", "messages", "input"}) {
    fields.fail_missing(member);
  }
}

Answer unknown_model(const std::string& model) {
  ErrorBody error;
  error.status = 404;
  error.type = "NotFoundError";
  error.message = "The model `" + model + "` does not exist.";
  return error_answer(error);
}

Answer refuse_dimensions(std::string_view model) {
  ErrorBody error;
  error.message = "Model \"" + std::string(model) +
                  "\" only supports [32, 64, 128, 256] matryoshka dimensions, use other output "
                  "dimensions will lead to poor results.";
  return error_answer(error);
}

/// The request models of the route are tried one after the other. What they are not told: that a
/// chat was meant, for one, with a text for an input.
Answer refuse_format(Fields& fields, const std::string& format) {
  const bool old = fields.dialect() == Dialect::kOld;
  const std::string known =
      old ? "'float' or 'base64'" : "'float', 'base64', 'bytes' or 'bytes_only'";
  const auto fail = [&] {
    fields.fail("literal_error", "encoding_format", "Input should be " + known, format,
                "{'expected': \"" + known + "\"}");
  };
  const json* input = fields.find("input");
  fail();
  if (old || input == nullptr || fields.find("messages") != nullptr) return fields.answer();
  fail();
  for (int model = 0; model < 4; ++model) {
    fields.fail_missing("messages");
    if (model == 2 && !input->is_array()) {
      fields.fail("list_type", "input", "Input should be a valid list", *input);
    }
    fail();
  }
  return fields.answer();
}

/// How the vectors are sent.
struct Format {
  bool base64 = false;
  bool bytes = false;     ///< As they are in memory, one behind the other.
  bool metadata = false;  ///< And a field of the head tells which is where.
};

std::optional<Format> format_of(std::string_view name, Dialect dialect) {
  if (name == "float") return Format{};
  if (name == "base64") return Format{.base64 = true};
  if (dialect == Dialect::kOld) return std::nullopt;
  if (name == "bytes") return Format{.bytes = true, .metadata = true};
  if (name == "bytes_only") return Format{.bytes = true};
  return std::nullopt;
}

std::string raw_bytes(const std::vector<float>& vector) {
  const auto bytes = std::as_bytes(std::span(vector));
  std::string raw(bytes.size(), '\0');
  std::transform(bytes.begin(), bytes.end(), raw.begin(),
                 [](std::byte byte) { return static_cast<char>(byte); });
  return raw;
}

/// The vectors without any text, chunked as vLLM streams them.
Answer bytes_answer(const std::vector<std::vector<TokenId>>& prompts, std::size_t dimensions,
                    bool metadata, const EmbeddingContext& context) {
  const std::size_t size = dimensions * sizeof(float);
  std::string places;
  std::string raw;
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    tokens += prompts[i].size();
    places += (i > 0 ? ", " : "") + (R"({"index": )" + std::to_string(i)) +
              R"(, "embed_dtype": "float32", "endianness": "native", "start": )" +
              std::to_string(i * size) + R"(, "end": )" + std::to_string((i + 1) * size) +
              R"(, "shape": [)" + std::to_string(dimensions) + "]}";
    raw += raw_bytes(embed(prompts[i], dimensions));
  }
  Answer answer;
  if (metadata) {
    answer.headers.emplace_back(
        "metadata", R"({"id": )" + json_quoted("embd-" + context.id) + R"(, "created": )" +
                        std::to_string(context.created) + R"(, "model": )" +
                        json_quoted(context.rules.model) + R"(, "data": [)" + places +
                        R"(], "usage": {"prompt_tokens": )" + std::to_string(tokens) +
                        R"(, "total_tokens": )" + std::to_string(tokens) + "}}");
  }
  answer.headers.emplace_back("content-type", "application/octet-stream");
  answer.headers.emplace_back("vary", "Origin");
  answer.headers.emplace_back("transfer-encoding", "chunked");
  answer.body = chunk(raw) + std::string(kLastChunk);
  return answer;
}

/// What is kept of an input that is too long; nullopt: it is refused. Failures go to `fields`.
std::optional<Truncation> read_truncation(Fields& fields, const PromptRules& rules) {
  const auto tokens = fields.integer("truncate_prompt_tokens");
  const auto side = fields.string("truncation_side");
  if (tokens && *tokens < -1) {
    fields.fail("greater_than_equal", "truncate_prompt_tokens",
                "Input should be greater than or equal to -1", json(*tokens), "{'ge': -1}");
  }
  if (side && *side != "left" && *side != "right") {
    fields.fail("literal_error", "truncation_side", "Input should be 'left' or 'right'", *side,
                "{'expected': \"'left' or 'right'\"}");
  }
  if (!tokens) return std::nullopt;
  const std::size_t kept = *tokens < 0 ? rules.max_model_len : static_cast<std::size_t>(*tokens);
  return Truncation{kept, side == "right"};
}

Answer refuse_truncation() {
  ErrorBody error;
  error.message =
      "truncate_prompt_tokens value is greater than max_model_len. Please request a smaller "
      "truncation size.";
  return error_answer(error);
}

std::string body_text(const std::vector<std::vector<TokenId>>& prompts, std::size_t dimensions,
                      bool as_base64, const EmbeddingContext& context) {
  std::string out = R"({"id":)";
  append_json_string(out, "embd-" + context.id);
  out += R"(,"object":"list","created":)" + std::to_string(context.created) + R"(,"model":)";
  append_json_string(out, context.rules.model);
  out += R"(,"data":[)";
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (i > 0) out += ',';
    tokens += prompts[i].size();
    out += R"({"index":)" + std::to_string(i) + R"(,"object":"embedding","embedding":)";
    append_vector(out, embed(prompts[i], dimensions), as_base64);
    out += '}';
  }
  out += R"(],"usage":{"prompt_tokens":)" + std::to_string(tokens);
  out += R"(,"total_tokens":)" + std::to_string(tokens);
  out += R"(,"completion_tokens":0,"prompt_tokens_details":null,)"
         R"("completion_tokens_details":null}})";
  return out;
}

/// The inputs, from `messages` when that is what the request has.
std::variant<std::vector<std::vector<TokenId>>, Answer> read_inputs(Fields& fields,
                                                                    const PromptRules& rules) {
  const json* input = fields.find("input");
  if (input != nullptr && input->is_string() && input->get_ref<const std::string&>().empty()) {
    ErrorBody error;
    error.message = "The decoder prompt cannot be empty";
    return error_answer(error);
  }
  if (input != nullptr) return text_prompts(fields, "input", rules);
  auto chat = chat_prompt(fields, rules);
  if (auto* refused = std::get_if<Answer>(&chat)) return std::move(*refused);
  std::vector<std::vector<TokenId>> inputs;
  inputs.push_back(std::get<std::vector<TokenId>>(std::move(chat)));
  return inputs;
}

}  // namespace

std::vector<float> embed(const std::vector<TokenId>& tokens, std::size_t dimensions) {
  std::vector<double> sum(kEmbeddingDimensions);
  std::size_t position = 0;
  for (const TokenId token : tokens) {
    Random random(token);
    // Later tokens weigh a little less, so that the order of the words counts too.
    const double weight = 1.0 / std::sqrt(1.0 + 0.1 * static_cast<double>(position++));
    for (double& value : sum) {
      value += weight * (random.unit() - 0.5);
    }
  }
  sum.resize(dimensions);
  normalize(sum);
  std::vector<float> out(dimensions);
  std::transform(sum.begin(), sum.end(), out.begin(),
                 [](double value) { return static_cast<float>(value); });
  return out;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  while (!bytes.empty()) {
    std::uint32_t group = 0;
    const std::size_t taken = std::min<std::size_t>(3, bytes.size());
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8U | (i < taken ? static_cast<std::uint8_t>(bytes[i]) : 0U);
    }
    for (std::size_t digit = 0; digit < 4; ++digit) {
      out += digit <= taken ? kDigits[group >> (18 - 6 * digit) & 63U] : '=';
    }
    bytes.remove_prefix(taken);
  }
  return out;
}

void append_vector(std::string& out, const std::vector<float>& vector, bool as_base64) {
  if (as_base64) {
    out += '"' + base64(raw_bytes(vector)) + '"';
    return;
  }
  out += '[';
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (i > 0) out += ',';
    append_json_number(out, static_cast<double>(vector[i]));
  }
  out += ']';
}

Answer embeddings_answer(const json& body, const EmbeddingContext& context) {
  Fields fields(body, context.rules.dialect);
  const auto model = fields.string("model");
  const auto dimensions = fields.integer("dimensions");
  const auto format_name = fields.string("encoding_format").value_or("float");
  const auto format = format_of(format_name, context.rules.dialect);
  if (!format) return refuse_format(fields, format_name);
  PromptRules rules = context.rules;
  rules.truncation = read_truncation(fields, rules);
  if (fields.find("input") == nullptr && fields.find("messages") == nullptr) {
    fail_without_input(fields);
  }
  if (fields.failed()) return fields.answer();
  const auto& served = context.models;
  if (model && !model->empty() && std::find(served.begin(), served.end(), *model) == served.end()) {
    return unknown_model(*model);
  }
  if (rules.truncation && rules.truncation->tokens > rules.max_model_len) {
    return refuse_truncation();
  }
  auto inputs = read_inputs(fields, rules);
  if (fields.failed()) return fields.answer();
  if (auto* refused = std::get_if<Answer>(&inputs)) return std::move(*refused);
  const std::int64_t length = dimensions.value_or(kEmbeddingDimensions);
  if (std::find(kDimensions.begin(), kDimensions.end(), length) == kDimensions.end()) {
    return refuse_dimensions(context.rules.model);
  }
  const auto& prompts = std::get<std::vector<std::vector<TokenId>>>(inputs);
  const auto dimension_count = static_cast<std::size_t>(length);
  if (format->bytes) return bytes_answer(prompts, dimension_count, format->metadata, context);
  return json_answer(body_text(prompts, dimension_count, format->base64, context));
}

}  // namespace olla::sim
