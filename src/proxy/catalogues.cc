#include "proxy/catalogues.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace olla::proxy {
namespace {

std::vector<models::Source> sources_of(const fleet::Snapshot& snapshot,
                                       routing::Provider provider) {
  std::vector<models::Source> sources;
  for (const fleet::EndpointView& view : snapshot.endpoints) {
    if (!provider.serves(view)) continue;
    models::Source& source = sources.emplace_back();
    source.endpoint = view.endpoint->config.name;
    source.url = view.endpoint->config.url;
    source.type = view.profile->name;
    source.ready = view.condition() == fleet::Condition::kReady;
    source.owner = view.models;
    if (view.models) source.entries = view.models->entries;
    source.read_at = view.models_read_at;
  }
  return sources;
}

/// Whether they are the same sources with the same lists. A list is kept as long as it is compared,
/// so that no other one takes its address.
bool are_same(const std::vector<models::Source>& one, const std::vector<models::Source>& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](const models::Source& a, const models::Source& b) {
                      return a.owner == b.owner && a.ready == b.ready && a.type == b.type &&
                             a.read_at == b.read_at;
                    });
}

}  // namespace

std::shared_ptr<const models::Catalogue> Catalogues::of(const fleet::Snapshot& snapshot,
                                                        routing::Provider provider,
                                                        const config::Config& config) {
  std::vector<models::Source> sources = sources_of(snapshot, provider);
  std::shared_ptr<const models::Catalogue>& made = made_[std::string(provider.name())];
  if (made && are_same(made->sources, sources)) return made;
  const models::Rules rules{config.model_registry.enable_unifier, config.model_aliases};
  made = std::make_shared<const models::Catalogue>(
      models::make_catalogue(std::move(sources), *snapshot.first_seen, rules));
  return made;
}

}  // namespace olla::proxy
