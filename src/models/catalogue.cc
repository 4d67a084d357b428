#include "models/catalogue.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <unordered_map>

#include "config/ascii.h"

namespace olla::models {
namespace {

using config::lower_ascii;

using Index = std::unordered_map<std::string, std::size_t>;

void add_once(std::vector<std::string>& list, const std::string& word) {
  if (std::find(list.begin(), list.end(), word) == list.end()) list.push_back(word);
}

/// The first text that is not empty.
void fill(std::string& text, const std::string& other) {
  if (text.empty()) text = other;
}

std::int64_t seen_since(const FirstSeen& first_seen, const std::string& id) {
  const auto seen = first_seen.find(id);
  return seen == first_seen.end() ? 0 : seen->second;
}

void append_offers(Model& model, const Model& other) {
  model.offers.insert(model.offers.end(), other.offers.begin(), other.offers.end());
  for (const std::string& alias : other.aliases)
    add_once(model.aliases, alias);
  model.created = std::min(model.created, other.created);
}

/// Collects what all endpoints list.
class Collection {
 public:
  Collection(Catalogue& catalogue, const FirstSeen& first_seen)
      : catalogue_(catalogue), first_seen_(first_seen) {
    for (std::size_t source = 0; source < catalogue.sources.size(); ++source) {
      for (const ModelEntry& entry : catalogue.sources[source].entries)
        add({source, &entry});
    }
  }

  [[nodiscard]] Model* find(std::string_view name) {
    const auto place = index_.find(lower_ascii(name));
    return place == index_.end() ? nullptr : &catalogue_.models[place->second];
  }

  /// Servers give one file the same digest under all its names.
  void unify() {
    std::unordered_map<std::string_view, std::size_t> first_of;
    std::vector<Model>& models = catalogue_.models;
    for (std::size_t i = 0; i < models.size(); ++i) {
      const std::string& digest = models[i].offers.front().entry->details.digest;
      if (digest.empty()) continue;
      const auto [place, is_new] = first_of.emplace(digest, i);
      if (is_new) continue;
      append_offers(models[place->second], models[i]);
      models[i].offers.clear();
    }
    std::erase_if(models, [](const Model& model) { return model.offers.empty(); });
  }

 private:
  void add(Offer offer) {
    const std::string& id = offer.entry->id;
    const auto [place, is_new] = index_.emplace(lower_ascii(id), catalogue_.models.size());
    const std::int64_t created = seen_since(first_seen_, id);
    if (is_new) {
      Model& model = catalogue_.models.emplace_back();
      model.id = id;
      model.created = created;
    }
    Model& model = catalogue_.models[place->second];
    add_once(model.aliases, id);
    model.created = std::min(model.created, created);
    model.offers.push_back(offer);
  }

  Catalogue& catalogue_;
  const FirstSeen& first_seen_;
  Index index_;
};

/// The model that an alias is: what each endpoint is asked for in its place.
Model model_of(const config::ModelAlias& alias, Collection& collection, std::size_t sources) {
  Model model;
  model.id = alias.name;
  model.aliases = {alias.name};
  model.is_alias = true;
  model.created = std::numeric_limits<std::int64_t>::max();
  std::vector<bool> taken(sources, false);
  for (const std::string& name : alias.models) {
    Model* target = collection.find(name);
    if (target == nullptr) continue;
    add_once(target->aliases, alias.name);
    model.created = std::min(model.created, target->created);
    for (const Offer& offer : target->offers) {
      if (taken[offer.source]) continue;
      taken[offer.source] = true;
      model.offers.push_back(offer);
    }
  }
  std::sort(model.offers.begin(), model.offers.end(),
            [](const Offer& one, const Offer& other) { return one.source < other.source; });
  return model;
}

/// Says of the model what its offers say. `entry.id` and not the model's: an alias is what it
/// stands for.
void describe(Model& model) {
  bool is_first = true;
  for (const Offer& offer : model.offers) {
    const ModelEntry& entry = *offer.entry;
    const Details& told = entry.details;
    if (is_first) model.kind = kind_of(entry);
    is_first = false;
    fill(model.parts.family, lower_ascii(told.family));
    fill(model.parts.parameter_size, told.parameter_size);
    fill(model.parts.quantization, told.quantization);
    if (!model.parameters) model.parameters = told.parameters;
    if (entry.max_model_len)
      model.context = std::min(model.context.value_or(*entry.max_model_len), *entry.max_model_len);
  }
  // What a model can do is what it can do wherever the request goes.
  ModelEntry common = *model.offers.front().entry;
  common.max_model_len = model.context;
  model.capabilities = capabilities_of(common);

  const NameParts named = parts_of_name(model.offers.front().entry->id);
  fill(model.parts.family, named.family);
  fill(model.parts.variant, named.variant);
  if (model.parts.parameter_size.empty() && model.parameters)
    model.parts.parameter_size = parameter_size(*model.parameters);
  fill(model.parts.parameter_size, named.parameter_size);
  fill(model.parts.quantization, named.quantization);
  if (!model.parameters) model.parameters = parameter_count(model.parts.parameter_size);
}

bool has_name(const Model& model, std::string_view lower_name) {
  return std::any_of(model.aliases.begin(), model.aliases.end(),
                     [lower_name](const auto& alias) { return lower_ascii(alias) == lower_name; });
}

}  // namespace

Catalogue make_catalogue(std::vector<Source> sources, const FirstSeen& first_seen,
                         const Rules& rules) {
  Catalogue catalogue;
  catalogue.sources = std::move(sources);
  Collection collection(catalogue, first_seen);
  std::vector<Model> aliases;
  for (const config::ModelAlias& alias : rules.aliases) {
    if (collection.find(alias.name) != nullptr) continue;
    Model model = model_of(alias, collection, catalogue.sources.size());
    if (!model.offers.empty()) aliases.push_back(std::move(model));
  }
  if (rules.unify) collection.unify();
  std::vector<Model>& models = catalogue.models;
  std::move(aliases.begin(), aliases.end(), std::back_inserter(models));
  for (Model& model : models)
    describe(model);
  std::sort(models.begin(), models.end(), [](const Model& one, const Model& other) {
    return std::tie(one.is_alias, one.created, one.id) <
           std::tie(other.is_alias, other.created, other.id);
  });
  return catalogue;
}

const Model* find_model(const Catalogue& catalogue, std::string_view name) {
  const std::string wanted = lower_ascii(name);
  const Model* by_alias = nullptr;
  for (const Model& model : catalogue.models) {
    if (lower_ascii(model.id) == wanted) return &model;
    if (by_alias == nullptr && has_name(model, wanted)) by_alias = &model;
  }
  return by_alias;
}

bool is_available(const Catalogue& catalogue, const Model& model) {
  return std::any_of(model.offers.begin(), model.offers.end(), [&catalogue](const Offer& offer) {
    return catalogue.sources[offer.source].ready;
  });
}

std::string_view state_of(const Source& source, const ModelEntry& entry) {
  if (!source.ready) return "offline";
  if (!entry.details.state.empty()) return entry.details.state;
  if (source.type == "ollama") return "available";
  for (const std::string_view type : {"vllm", "vllm-mlx", "sglang", "lmdeploy", "llamacpp"})
    if (source.type == type) return "loaded";
  return "unknown";
}

}  // namespace olla::models
