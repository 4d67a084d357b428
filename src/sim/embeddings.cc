#include "sim/embeddings.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "base/random.h"
#include "sim/json_text.h"

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
    out += '"';
    const auto bytes = std::as_bytes(std::span(vector));
    std::string raw(bytes.size(), '\0');
    std::transform(bytes.begin(), bytes.end(), raw.begin(),
                   [](std::byte byte) { return static_cast<char>(byte); });
    out += base64(raw) + '"';
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
  const auto format = fields.string("encoding_format").value_or("float");
  if (format != "float" && format != "base64") {
    fields.fail("literal_error", "encoding_format", "Input should be 'float' or 'base64'", format,
                "{'expected': \"'float' or 'base64'\"}");
  }
  if (fields.find("input") == nullptr && fields.find("messages") == nullptr) {
    fail_without_input(fields);
  }
  if (fields.failed()) return fields.answer();
  const auto& served = context.models;
  if (model && !model->empty() && std::find(served.begin(), served.end(), *model) == served.end()) {
    return unknown_model(*model);
  }
  auto inputs = read_inputs(fields, context.rules);
  if (fields.failed()) return fields.answer();
  if (auto* refused = std::get_if<Answer>(&inputs)) return std::move(*refused);
  const std::int64_t length = dimensions.value_or(kEmbeddingDimensions);
  if (std::find(kDimensions.begin(), kDimensions.end(), length) == kDimensions.end()) {
    return refuse_dimensions(context.rules.model);
  }
  const auto& prompts = std::get<std::vector<std::vector<TokenId>>>(inputs);
  return json_answer(
      body_text(prompts, static_cast<std::size_t>(length), format == "base64", context));
}

}  // namespace olla::sim
