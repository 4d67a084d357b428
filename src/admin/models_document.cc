#include "admin/models_document.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "config/ascii.h"
#include "models/documents.h"

namespace olla::admin {
namespace {

using Json = nlohmann::ordered_json;
using models::Catalogue;
using models::Kind;
using models::Model;

constexpr std::string_view kUnknown = "unknown";

// What Olla calls a long context.
constexpr std::int64_t kLongContext = 100'000;

std::optional<TimePoint> last_seen(const Catalogue& catalogue, const Model& model) {
  std::optional<TimePoint> latest;
  for (const models::Offer& offer : model.offers)
    latest = std::max(latest, catalogue.sources[offer.source].read_at);
  return latest;
}

std::optional<WallTime> last_seen_at(const Catalogue& catalogue, const Model& model,
                                     const Moment& now) {
  const auto seen = last_seen(catalogue, model);
  if (!seen) return std::nullopt;
  return now.wall_at(*seen);
}

/// The endpoints that have the model, each once, in the order of the fleet.
std::set<std::size_t> sources_of(const Model& model) {
  std::set<std::size_t> sources;
  for (const models::Offer& offer : model.offers)
    sources.insert(offer.source);
  return sources;
}

std::string family_of(const Model& model) {
  return model.parts.family.empty() ? std::string(kUnknown) : model.parts.family;
}

/// The words of this document, which are not those of the lists.
std::vector<std::string> capabilities_of(const Model& model) {
  std::vector<std::string> words;
  if (model.kind == Kind::kEmbeddings) words = {"embeddings", "vector_search"};
  if (model.kind == Kind::kText || model.kind == Kind::kVision) words = {"text_generation", "chat"};
  if (model.kind == Kind::kVision) words.insert(words.end(), {"vision", "multimodal"});
  if (model.context.value_or(0) > kLongContext) words.push_back("long_context");
  for (const char* precise : {"F16", "FP16", "BF16", "F32", "FP32"})
    if (model.parts.quantization == precise) words.push_back("high_precision");
  return words;
}

void put(Json& json, const char* key, const std::string& text) {
  if (!text.empty()) json[key] = text;
}

Json summary_of(const Catalogue& catalogue, const std::vector<std::string>& ids, const Model& model,
                const Moment& now) {
  Json json = {{"name", model.id}, {"type", to_string(model.kind)}};
  put(json, "family", model.parts.family);
  const auto& size = model.offers.front().entry->details.size;
  if (size) json["size"] = bytes_text(static_cast<std::uint64_t>(*size));
  put(json, "params", model.parts.parameter_size);
  put(json, "quant", model.parts.quantization);
  const auto seen = last_seen_at(catalogue, model, now);
  json["last_seen"] = ago_text(seen, now.wall);
  if (seen) json["last_seen_at"] = time_text(*seen);
  std::vector<std::pair<std::string, std::string>> endpoints;
  for (const std::size_t source : sources_of(model))
    endpoints.emplace_back(catalogue.sources[source].endpoint, ids[source]);
  std::sort(endpoints.begin(), endpoints.end());
  for (const auto& [name, id] : endpoints) {
    json["endpoints"].push_back(name);
    json["endpoint_ids"].push_back(id);
  }
  const std::vector<std::string> others(model.aliases.begin() + 1, model.aliases.end());
  if (!others.empty()) json["aliases"] = others;
  std::vector<std::string> capabilities = capabilities_of(model);
  if (!capabilities.empty()) json["capabilities"] = std::move(capabilities);
  return json;
}

/// By family, the unknown ones last.
struct FamilyOrder {
  bool operator()(const std::string& one, const std::string& other) const {
    return std::pair(one == kUnknown, std::string_view(one)) <
           std::pair(other == kUnknown, std::string_view(other));
  }
};
using Families = std::map<std::string, std::vector<const Model*>, FamilyOrder>;

Json group_of(const Catalogue& catalogue, const std::vector<std::string>& ids,
              const std::string& family, const std::vector<const Model*>& models,
              const Moment& now) {
  Json summaries = Json::array();
  std::set<std::string> endpoints;
  for (const Model* model : models) {
    summaries.push_back(summary_of(catalogue, ids, *model, now));
    for (const std::size_t source : sources_of(*model))
      endpoints.insert(catalogue.sources[source].endpoint);
  }
  return {{"family", family},
          {"models", std::move(summaries)},
          {"endpoints", endpoints},
          {"model_count", models.size()}};
}

}  // namespace

Json models_status(const Catalogue& catalogue, const std::vector<std::string>& ids, bool grouped,
                   const Moment& now) {
  std::vector<const Model*> all;
  for (const Model& model : catalogue.models)
    if (!model.is_alias) all.push_back(&model);
  std::sort(all.begin(), all.end(),
            [](const Model* one, const Model* other) { return one->id < other->id; });
  Families families;
  for (const Model* model : all)
    families[family_of(*model)].push_back(model);

  Json document = {{"timestamp", time_text(now.wall)}};
  document["models_by_family"] = Json::object();
  for (const auto& [family, models] : families)
    for (const Model* model : models)
      document["models_by_family"][family].push_back(model->id);
  std::stable_sort(all.begin(), all.end(), [&catalogue](const Model* one, const Model* other) {
    return last_seen(catalogue, *one) > last_seen(catalogue, *other);
  });
  document["recent_models"] = Json::array();
  for (const Model* model : all)
    document["recent_models"].push_back(summary_of(catalogue, ids, *model, now));
  if (grouped) {
    document["model_groups"] = Json::array();
    for (const auto& [family, models] : families)
      document["model_groups"].push_back(group_of(catalogue, ids, family, models, now));
  }
  document["total_models"] = all.size();
  document["total_families"] = families.size();
  document["total_endpoints"] = catalogue.sources.size();
  return document;
}

Json model_details(const Catalogue& catalogue, const Model& model, const Moment& now) {
  std::string format;
  std::int64_t bytes = 0;
  std::set<std::size_t> loaded;
  for (const models::Offer& offer : model.offers) {
    const models::Details& told = offer.entry->details;
    if (format.empty()) format = told.file_format;
    bytes += told.size.value_or(0);
    if (state_of(catalogue.sources[offer.source], *offer.entry) == "loaded")
      loaded.insert(offer.source);
  }
  Json endpoints = Json::array();
  Json loaded_endpoints = Json::array();
  for (const std::size_t source : sources_of(model)) {
    endpoints.push_back(catalogue.sources[source].endpoint);
    if (loaded.contains(source)) loaded_endpoints.push_back(catalogue.sources[source].endpoint);
  }
  Json json = {
      {"id", model.id},
      {"family", model.parts.family},
      {"variant", model.parts.variant},
      {"parameter_size", config::lower_ascii(model.parts.parameter_size)},
      {"quantization", models::short_quantization(model.parts.quantization)},
      {"format", format},
      {"total_disk_size", bytes_text(static_cast<std::uint64_t>(bytes))},
      {"last_seen", ago_text(last_seen_at(catalogue, model, now), now.wall)},
      {"aliases", model.aliases},
      {"endpoints", std::move(endpoints)},
      {"loaded_endpoints", std::move(loaded_endpoints)},
      {"capabilities", model.capabilities},
      {"parameter_count", model.parameters.value_or(0)},
  };
  if (model.context) json["max_context_length"] = *model.context;
  return json;
}

}  // namespace olla::admin
