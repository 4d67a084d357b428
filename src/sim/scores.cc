#include "sim/scores.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "base/random.h"
#include "sim/json_text.h"

namespace olla::sim {
namespace {

using nlohmann::json;
using Tokens = std::vector<TokenId>;
using Texts = std::vector<std::string>;

Answer refuse(std::string message) {
  ErrorBody error;
  error.message = std::move(message);
  return error_answer(error);
}

std::optional<Answer> check_model(const std::optional<std::string>& model,
                                  const EmbeddingContext& context) {
  const auto& served = context.models;
  if (!model || model->empty() || std::find(served.begin(), served.end(), *model) != served.end()) {
    return std::nullopt;
  }
  ErrorBody error;
  error.status = 404;
  error.type = "NotFoundError";
  error.message = "The model `" + *model + "` does not exist.";
  return error_answer(error);
}

/// A member that is required: one text or a list of them.
Texts texts(Fields& fields, std::string_view name) {
  if (fields.find(name) == nullptr) {
    fields.fail_missing(name);
    return {};
  }
  return fields.strings(name, std::numeric_limits<std::size_t>::max());
}

Tokens tokens_of(const std::string& text, const EmbeddingContext& context) {
  Tokens out;
  context.rules.tokenizer.append(text, out, context.rules.max_model_len);
  return out;
}

double cosine(const Tokens& one, const Tokens& other) {
  const auto a = embed(one, kEmbeddingDimensions);
  const auto b = embed(other, kEmbeddingDimensions);
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

void append_id(std::string& out, std::string_view prefix, const EmbeddingContext& context) {
  out += R"({"id":)";
  append_json_string(out, std::string(prefix) + context.id);
}

/// `{"id":...,"object":"list","created":...,"model":...,"data":[`
std::string list_opening(std::string_view prefix, const EmbeddingContext& context) {
  std::string out;
  append_id(out, prefix, context);
  out += R"(,"object":"list","created":)" + std::to_string(context.created) + R"(,"model":)";
  append_json_string(out, context.rules.model);
  return out + R"(,"data":[)";
}

/// Closes what list_opening() opened.
std::string list_ending(std::size_t tokens) {
  return R"(],"usage":{"prompt_tokens":)" + std::to_string(tokens) + R"(,"total_tokens":)" +
         std::to_string(tokens) +
         R"(,"completion_tokens":0,"prompt_tokens_details":null,)"
         R"("completion_tokens_details":null}})";
}

}  // namespace

Answer score_answer(const json& body, const EmbeddingContext& context) {
  Fields fields(body, context.rules.dialect);
  const auto model = fields.string("model");
  const Texts first = texts(fields, "text_1");
  const Texts second = texts(fields, "text_2");
  if (fields.failed()) return fields.answer();
  if (auto refused = check_model(model, context)) return std::move(*refused);
  if (first.empty() || second.empty()) {
    return refuse("At least one text_pair element must be given");
  }
  if (first.size() != 1 && first.size() != second.size()) {
    return refuse("Input lengths must be either 1:1, 1:N or N:N");
  }
  std::string out = list_opening("score-", context);
  std::size_t count = 0;
  for (std::size_t i = 0; i < second.size(); ++i) {
    const Tokens one = tokens_of(first[first.size() == 1 ? 0 : i], context);
    const Tokens other = tokens_of(second[i], context);
    count += one.size() + other.size();
    if (i > 0) out += ',';
    out += R"({"index":)" + std::to_string(i) + R"(,"object":"score","score":)";
    append_json_number(out, cosine(one, other));
    out += '}';
  }
  return json_answer(out + list_ending(count));
}

Answer rerank_answer(const json& body, const EmbeddingContext& context) {
  Fields fields(body, context.rules.dialect);
  const auto model = fields.string("model");
  const Texts query = texts(fields, "query");
  const Texts documents = texts(fields, "documents");
  const auto top = fields.integer("top_n").value_or(0);
  if (fields.failed()) return fields.answer();
  if (auto refused = check_model(model, context)) return std::move(*refused);
  if (documents.empty() || query.empty()) {
    return refuse("At least one text_pair element must be given");
  }
  struct Ranked {
    std::size_t index;
    double score;
  };
  std::vector<Ranked> ranked;
  const Tokens wanted = tokens_of(query.front(), context);
  std::size_t count = 0;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const Tokens document = tokens_of(documents[i], context);
    count += wanted.size() + document.size();
    ranked.push_back({i, cosine(wanted, document)});
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Ranked& a, const Ranked& b) { return a.score > b.score; });
  if (top > 0) ranked.resize(std::min(ranked.size(), static_cast<std::size_t>(top)));

  std::string out;
  append_id(out, "score-", context);
  out += R"(,"model":)";
  append_json_string(out, context.rules.model);
  out += R"(,"usage":{"prompt_tokens":)" + std::to_string(count) + R"(,"total_tokens":)" +
         std::to_string(count) + R"(},"results":[)";
  bool first = true;
  for (const Ranked& result : ranked) {
    if (!first) out += ',';
    first = false;
    out += R"({"index":)" + std::to_string(result.index) + R"(,"document":{"text":)";
    append_json_string(out, documents[result.index]);
    out += R"(,"multi_modal":null},"relevance_score":)";
    append_json_number(out, result.score);
    out += '}';
  }
  return json_answer(out + "]}");
}

Answer classify_answer(const json& body, const EmbeddingContext& context) {
  constexpr std::array<std::string_view, 3> kLabels = {"negative", "neutral", "positive"};
  Fields fields(body, context.rules.dialect);
  const auto model = fields.string("model");
  const Texts inputs = texts(fields, "input");
  if (fields.failed()) return fields.answer();
  if (auto refused = check_model(model, context)) return std::move(*refused);
  std::string out = list_opening("classify-", context);
  std::size_t count = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tokens tokens = tokens_of(inputs[i], context);
    count += tokens.size();
    Random random(std::accumulate(tokens.begin(), tokens.end(), std::uint64_t{17},
                                  [](std::uint64_t sum, TokenId id) { return sum * 31 + id; }));
    std::array<double, kLabels.size()> weights{};
    std::generate(weights.begin(), weights.end(), [&random] { return 0.1 + random.unit(); });
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    const auto best = std::max_element(weights.begin(), weights.end()) - weights.begin();
    if (i > 0) out += ',';
    out += R"({"index":)" + std::to_string(i) + R"(,"label":)";
    append_json_string(out, kLabels.at(static_cast<std::size_t>(best)));
    out += R"(,"probs":[)";
    for (std::size_t label = 0; label < weights.size(); ++label) {
      if (label > 0) out += ',';
      append_json_number(out, weights.at(label) / sum);
    }
    out += R"(],"num_classes":)" + std::to_string(kLabels.size()) + "}";
  }
  return json_answer(out + list_ending(count));
}

Answer pooling_answer(const json& body, const EmbeddingContext& context) {
  Fields fields(body, context.rules.dialect);
  const auto model = fields.string("model");
  const bool as_base64 = fields.string("encoding_format").value_or("float") == "base64";
  const Texts inputs = texts(fields, "input");
  if (fields.failed()) return fields.answer();
  if (auto refused = check_model(model, context)) return std::move(*refused);
  std::string out = list_opening("pooling-", context);
  std::size_t count = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tokens tokens = tokens_of(inputs[i], context);
    count += tokens.size();
    if (i > 0) out += ',';
    out += R"({"index":)" + std::to_string(i) + R"(,"object":"pooling","data":)";
    append_vector(out, embed(tokens, kEmbeddingDimensions), as_base64);
    out += '}';
  }
  return json_answer(out + list_ending(count));
}

}  // namespace olla::sim
