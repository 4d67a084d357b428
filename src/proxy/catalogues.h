#pragma once

#include <map>
#include <memory>
#include <string>

#include "config/config.h"
#include "fleet/snapshot.h"
#include "models/catalogue.h"
#include "routing/provider.h"

namespace olla::proxy {

/// The models of the endpoints of each provider, put together again only when one of them listed
/// something else or came or went: that takes tens of milliseconds for ten thousand.
///
/// Belongs to the background thread.
class Catalogues {
 public:
  /// Of all endpoints of the provider, whatever their condition. `config` is the same each time,
  /// and outlives this; the fleet of the snapshot outlives the catalogue.
  std::shared_ptr<const models::Catalogue> of(const fleet::Snapshot& snapshot,
                                              routing::Provider provider,
                                              const config::Config& config);

 private:
  std::map<std::string, std::shared_ptr<const models::Catalogue>, std::less<>> made_;
};

}  // namespace olla::proxy
