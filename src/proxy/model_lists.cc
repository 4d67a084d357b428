#include "proxy/model_lists.h"

#include <algorithm>
#include <set>
#include <string>
#include <unordered_map>

#include "config/ascii.h"
#include "models/documents.h"
#include "net/background.h"

namespace olla::proxy {
namespace {

using config::lower_ascii;
using fleet::EndpointView;
using models::ModelEntry;

bool is_listed(const EndpointView& view) {
  return view.condition() == fleet::Condition::kReady && view.models;
}

/// The aliases of several endpoints as entries in the lists of each.
class AliasLists {
 public:
  AliasLists(const fleet::Snapshot& snapshot, std::span<const EndpointView* const> endpoints,
             std::span<const config::ModelAlias> aliases)
      : first_seen_(*snapshot.first_seen) {
    if (aliases.empty()) return;
    std::vector<Names> names;
    std::set<std::string> models;
    for (const EndpointView* view : endpoints) {
      names.push_back(names_of(*view));
      for (const auto& [name, entry] : names.back())
        models.insert(name);
    }
    entries_.resize(endpoints.size());
    for (const config::ModelAlias& alias : aliases) {
      if (models.contains(lower_ascii(alias.name))) continue;
      for (std::size_t i = 0; i < names.size(); ++i)
        add(alias, names[i], entries_[i]);
    }
  }

  [[nodiscard]] std::span<const ModelEntry> of(std::size_t i) const {
    return entries_.empty() ? std::span<const ModelEntry>() : entries_[i];
  }
  [[nodiscard]] const models::FirstSeen& seen() const { return seen_; }

 private:
  using Names = std::unordered_map<std::string, const ModelEntry*>;

  static Names names_of(const EndpointView& view) {
    Names names;
    if (!is_listed(view)) return names;
    for (const ModelEntry& entry : view.models->entries)
      names.emplace(lower_ascii(entry.id), &entry);
    return names;
  }

  void add(const config::ModelAlias& alias, const Names& names, std::vector<ModelEntry>& out) {
    for (const std::string& target : alias.models) {
      const auto found = names.find(lower_ascii(target));
      if (found == names.end()) continue;
      ModelEntry& entry = out.emplace_back(*found->second);
      const auto seen = first_seen_.find(entry.id);
      const std::int64_t since = seen == first_seen_.end() ? 0 : seen->second;
      entry.id = alias.name;
      const auto [place, is_new] = seen_.emplace(alias.name, since);
      if (!is_new) place->second = std::min(place->second, since);
      return;
    }
  }

  const models::FirstSeen& first_seen_;
  std::vector<std::vector<ModelEntry>> entries_;  // By endpoint.
  models::FirstSeen seen_;
};

models::Shape shape_of(config::ModelListFormat format) {
  switch (format) {
    case config::ModelListFormat::kOllama:
      return models::Shape::kOllama;
    case config::ModelListFormat::kLmStudio:
      return models::Shape::kLmStudio;
    case config::ModelListFormat::kLemonade:
      return models::Shape::kLemonade;
    case config::ModelListFormat::kOpenAi:
      break;
  }
  return models::Shape::kOpenAi;
}

}  // namespace

std::vector<vllm::FleetModel> models_of(const fleet::Snapshot& snapshot,
                                        std::span<const EndpointView* const> endpoints,
                                        std::span<const config::ModelAlias> aliases) {
  const AliasLists alias_lists(snapshot, endpoints, aliases);
  std::vector<vllm::EndpointModels> parts;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const EndpointView& view = *endpoints[i];
    if (!is_listed(view)) continue;
    const std::string& name = view.endpoint->config.name;
    parts.push_back({name, view.models->entries});
    parts.push_back({name, alias_lists.of(i), &alias_lists.seen()});
  }
  return vllm::union_of_models(parts, *snapshot.first_seen);
}

std::string native_list(Services& services, const fleet::Snapshot& snapshot,
                        routing::Provider provider) {
  const auto catalogue = services.shared.catalogues.of(snapshot, provider, services.config);
  std::vector<const models::Model*> available;
  for (const models::Model& model : catalogue->models)
    if (models::is_available(*catalogue, model)) available.push_back(&model);
  return models::list_document(*catalogue, available, shape_of(provider.profile()->model_list));
}

net::Awaitable<OwnAnswer> answer_in_background(Services& services,
                                               std::function<OwnAnswer()> make) {
  const auto own = std::make_shared<OwnAnswer>();
  auto work = [own, make = std::move(make)]() -> std::shared_ptr<const std::string> {
    *own = make();
    return nullptr;
  };
  co_await net::run_on(services.background, services.io, std::move(work));
  co_return std::move(*own);
}

}  // namespace olla::proxy
