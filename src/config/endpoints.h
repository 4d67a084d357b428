#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "config/document.h"
#include "config/environment.h"
#include "config/problem.h"
#include "config/secret.h"
#include "config/section.h"

namespace olla::config {

inline constexpr std::size_t kEndpointsMax = 1024;

/// Reads the lists of endpoints of one file and reports everything wrong with each endpoint, and
/// those that share a name, in whichever list they are. Two may share a URL: one server that counts
/// as two types, or with two priorities.
///
/// `sources` and `problems` must outlive it.
class EndpointReader {
 public:
  /// What endpoints take from outside their own mapping.
  struct Sources {
    const Profiles& profiles;
    const Environment& env;
    const SecretFiles& files;
    HealthRules health;  ///< Of endpoints that give none.
  };

  EndpointReader(const Sources& sources, Problems& problems)
      : sources_(sources), problems_(problems) {}

  /// Reads one list. `path` is that of the list, for messages.
  void read(const Entry& list, const std::string& path);

  /// The endpoints read so far, in order.
  [[nodiscard]] std::vector<Endpoint> take() { return std::move(endpoints_); }

 private:
  void check_unique(const Section& section, const Endpoint& endpoint);

  const Sources& sources_;
  Problems& problems_;
  std::vector<Endpoint> endpoints_;
  std::map<std::string, std::size_t> name_lines_;
};

}  // namespace olla::config
