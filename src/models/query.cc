#include "models/query.h"

#include <algorithm>

#include "config/ascii.h"

namespace olla::models {
namespace {

using config::lower_ascii;

// What a client wrote, in an error.
constexpr std::size_t kShownMax = 100;

Error bad_value(std::string_view name, std::string_view value, const std::string& allowed) {
  return {Errc::kMalformed, Side::kClient,
          "The parameter " + std::string(name) + " cannot be \"" +
              std::string(value.substr(0, kShownMax)) + "\". Allowed are: " + allowed + "."};
}

Result<std::optional<bool>> boolean(const Parameter& parameter, std::string_view name) {
  const auto value = parameter(name);
  if (!value || value->empty()) return std::optional<bool>();
  if (*value == "true") return std::optional(true);
  if (*value == "false") return std::optional(false);
  return bad_value(name, *value, "true, false");
}

/// Olla's other words for kinds of models.
std::optional<std::string> type_of_capability(std::string_view capability) {
  struct Word {
    std::string_view capability;
    Kind kind;
  };
  static constexpr Word kWords[] = {
      {"vision", Kind::kVision},
      {"multimodal", Kind::kVision},
      {"embedding", Kind::kEmbeddings},
      {"embeddings", Kind::kEmbeddings},
      {"vector-search", Kind::kEmbeddings},
      {"chat", Kind::kText},
      {"completion", Kind::kText},
      {"text-generation", Kind::kText},
  };
  for (const Word& word : kWords)
    if (word.capability == capability) return to_string(word.kind);
  return std::nullopt;
}

std::optional<std::string> in_lower_case(std::optional<std::string> text) {
  if (text && text->empty()) return std::nullopt;
  if (text) text = lower_ascii(*text);
  return text;
}

/// A model that sees images answers questions without one too.
bool is_of_type(const Model& model, const std::string& type) {
  return to_string(model.kind) == type;
}

bool can(const Model& model, const std::string& capability) {
  const auto type = type_of_capability(capability);
  if (type && (is_of_type(model, *type) || (*type == "llm" && model.kind == Kind::kVision)))
    return true;
  return std::find(model.capabilities.begin(), model.capabilities.end(), capability) !=
         model.capabilities.end();
}

bool fits(const Catalogue& catalogue, const Model& model, const Query& query) {
  if (query.family && lower_ascii(model.parts.family) != *query.family) return false;
  if (query.type && !is_of_type(model, *query.type)) return false;
  if (query.capability && !can(model, *query.capability)) return false;
  bool loaded = false;
  bool there = !query.endpoint;
  for (const Offer& offer : model.offers) {
    const Source& source = catalogue.sources[offer.source];
    loaded = loaded || state_of(source, *offer.entry) == "loaded";
    there = there || source.endpoint == *query.endpoint;
  }
  if (query.available && loaded != *query.available) return false;
  return there && (query.include_unavailable || is_available(catalogue, model));
}

}  // namespace

Result<Query> parse_query(const Parameter& parameter) {
  Query query;
  const auto shape = in_lower_case(parameter("format"));
  if (shape) {
    const auto known = shape_named(*shape);
    if (!known) return bad_value("format", *shape, shape_names());
    query.shape = *known;
  }
  query.type = in_lower_case(parameter("type"));
  if (query.type && *query.type != "llm" && *query.type != "vlm" && *query.type != "embeddings" &&
      *query.type != "rerank")
    return bad_value("type", *query.type, "llm, vlm, embeddings, rerank");
  const auto available = boolean(parameter, "available");
  if (!available) return available.error();
  query.available = *available;
  const auto all = boolean(parameter, "include_unavailable");
  if (!all) return all.error();
  query.include_unavailable = all->value_or(false);
  query.family = in_lower_case(parameter("family"));
  query.capability = in_lower_case(parameter("capability"));
  if (query.capability) std::replace(query.capability->begin(), query.capability->end(), '_', '-');
  query.endpoint = parameter("endpoint");
  return query;
}

std::vector<const Model*> select(const Catalogue& catalogue, const Query& query) {
  std::vector<const Model*> models;
  for (const Model& model : catalogue.models)
    if (fits(catalogue, model, query)) models.push_back(&model);
  return models;
}

}  // namespace olla::models
