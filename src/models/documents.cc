#include "models/documents.h"

#include <algorithm>
#include <ctime>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "config/ascii.h"
#include "openai/request.h"

namespace olla::models {
namespace {

using Json = nlohmann::ordered_json;

struct ShapeName {
  std::string_view name;
  Shape shape;
};

// Olla's names, and the prefixes of providers whose lists are OpenAI's.
constexpr ShapeName kShapeNames[] = {
    {"unified", Shape::kUnified},
    {"openai", Shape::kOpenAi},
    {"ollama", Shape::kOllama},
    {"lmstudio", Shape::kLmStudio},
    {"lemonade", Shape::kLemonade},
    {"vllm", Shape::kVllm},
    {"vllm-mlx", Shape::kVllm},
    {"sglang", Shape::kVllm},
    {"lmdeploy", Shape::kVllm},
    {"llamacpp", Shape::kOpenAi},
    {"litellm", Shape::kOpenAi},
    {"omlx", Shape::kOpenAi},
    {"docker-model-runner", Shape::kOpenAi},
    {"dmr", Shape::kOpenAi},
    {"openai-compatible", Shape::kOpenAi},
    {"lm-studio", Shape::kLmStudio},
    {"lm_studio", Shape::kLmStudio},
};

/// What comes from a server may be no UTF-8.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string owner_of(const ModelEntry& entry) {
  return entry.owned_by.empty() ? "olla" : entry.owned_by;
}

void put(Json& json, const char* key, const std::string& text) {
  if (!text.empty()) json[key] = text;
}

void put(Json& json, const char* key, const std::optional<std::int64_t>& number) {
  if (number) json[key] = *number;
}

Json openai_item(const Model& model) {
  const ModelEntry& entry = *model.offers.front().entry;
  return {{"id", model.id},
          {"object", "model"},
          {"created", model.created},
          {"owned_by", owner_of(entry)}};
}

Json unified_item(const Catalogue& catalogue, const Model& model) {
  Json availability = Json::array();
  std::set<std::size_t> told;
  for (const Offer& offer : model.offers) {
    if (!told.insert(offer.source).second) continue;
    const Source& source = catalogue.sources[offer.source];
    availability.push_back(
        {{"endpoint", source.endpoint}, {"state", state_of(source, *offer.entry)}});
  }
  Json olla = {
      {"family", model.parts.family},
      {"variant", model.parts.variant},
      {"parameter_size", config::lower_ascii(model.parts.parameter_size)},
      {"quantization", short_quantization(model.parts.quantization)},
      {"aliases", model.aliases},
      {"availability", std::move(availability)},
      {"capabilities", model.capabilities},
  };
  put(olla, "max_context_length", model.context);
  return {{"id", model.id},
          {"object", "model"},
          {"owned_by", "olla"},
          {"created", model.created},
          {"olla", std::move(olla)}};
}

/// `permission` is a JSON list already.
std::string vllm_item(const Model& model) {
  const ModelEntry& entry = *model.offers.front().entry;
  Json json = openai_item(model);
  json["root"] = entry.root.value_or(entry.id);
  json["parent"] = entry.parent ? Json(*entry.parent) : Json(nullptr);
  json["max_model_len"] = model.context ? Json(*model.context) : Json(nullptr);
  std::string text = text_of(json);
  text.pop_back();
  return text + R"(,"permission":)" + entry.permission + '}';
}

Json lemonade_item(const Model& model) {
  const Details& details = model.offers.front().entry->details;
  Json json = openai_item(model);
  put(json, "checkpoint", details.checkpoint);
  put(json, "recipe", details.recipe);
  if (!details.capabilities.empty()) json["labels"] = details.capabilities;
  put(json, "max_context_length", model.context);
  return json;
}

Json ollama_item(const std::string& name, const Model& model, const ModelEntry& entry) {
  const Details& told = entry.details;
  Json details = {{"format", told.file_format},
                  {"family", model.parts.family},
                  {"families", {model.parts.family}},
                  {"parameter_size", model.parts.parameter_size},
                  {"quantization_level", model.parts.quantization}};
  return {{"name", name},
          {"model", name},
          {"modified_at", told.modified_at.empty() ? utc_text(model.created) : told.modified_at},
          {"size", told.size.value_or(0)},
          {"digest", told.digest},
          {"details", std::move(details)}};
}

Json lm_studio_item(const std::string& name, const Source& source, const Model& model,
                    const ModelEntry& entry) {
  const Details& told = entry.details;
  Json json = {{"id", name}, {"object", "model"}, {"type", to_string(model.kind)}};
  put(json, "publisher", told.publisher);
  put(json, "arch", told.family);
  put(json, "compatibility_type", told.file_format);
  put(json, "quantization", told.quantization);
  json["state"] = state_of(source, entry);
  put(json, "max_context_length", entry.max_model_len);
  if (!told.capabilities.empty()) json["capabilities"] = told.capabilities;
  return json;
}

/// The items of those that servers of this type have, each under all names that one has there.
std::string items_of_type(const Catalogue& catalogue, std::span<const Model* const> models,
                          std::string_view type,
                          const std::function<Json(const std::string& name, const Source& source,
                                                   const Model& model, const ModelEntry&)>& item) {
  std::string out;
  for (const Model* model : models) {
    const bool available = is_available(catalogue, *model);
    std::set<std::string_view> names;
    for (const Offer& offer : model->offers) {
      const Source& source = catalogue.sources[offer.source];
      const std::string& name = model->is_alias ? model->id : offer.entry->id;
      if (source.type != type || (available && !source.ready)) continue;
      if (!names.insert(name).second) continue;
      if (!out.empty()) out += ',';
      out += text_of(item(name, source, *model, *offer.entry));
    }
  }
  return out;
}

std::string items(const Catalogue& catalogue, std::span<const Model* const> models, Shape shape) {
  std::string out;
  for (const Model* model : models) {
    if (!out.empty()) out += ',';
    if (shape == Shape::kVllm) {
      out += vllm_item(*model);
    } else if (shape == Shape::kUnified) {
      out += text_of(unified_item(catalogue, *model));
    } else {
      out += text_of(shape == Shape::kLemonade ? lemonade_item(*model) : openai_item(*model));
    }
  }
  return out;
}

}  // namespace

std::optional<Shape> shape_named(std::string_view name) {
  for (const ShapeName& known : kShapeNames)
    if (known.name == name) return known.shape;
  return std::nullopt;
}

std::string shape_names() {
  std::string names;
  for (const ShapeName& known : kShapeNames)
    names.append(names.empty() ? "" : ", ").append(known.name);
  return names;
}

std::string list_document(const Catalogue& catalogue, std::span<const Model* const> models,
                          Shape shape) {
  if (shape == Shape::kOllama) {
    const auto item = [](const std::string& name, const Source& /*source*/, const Model& model,
                         const ModelEntry& entry) { return ollama_item(name, model, entry); };
    return R"({"models":[)" + items_of_type(catalogue, models, "ollama", item) + "]}";
  }
  const std::string data = shape == Shape::kLmStudio
                               ? items_of_type(catalogue, models, "lm-studio", lm_studio_item)
                               : items(catalogue, models, shape);
  return R"({"object":"list","data":[)" + data + "]}";
}

std::string short_quantization(std::string_view quantization) {
  std::string text = config::lower_ascii(quantization);
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  return text;
}

std::string utc_text(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[sizeof "2026-11-23T01:54:41Z"];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, length};
}

}  // namespace olla::models
