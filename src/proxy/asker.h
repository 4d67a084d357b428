#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "fleet/snapshot.h"
#include "net/deadlines.h"
#include "net/fetch.h"
#include "net/resolver.h"
#include "net/types.h"

namespace olla::proxy {

/// A host and port that questions of the gateway's own go to, and the path to ask for.
struct Target {
  config::Url url;
  std::vector<fleet::Address> addresses = {};  ///< Last known; empty: never found.
};

/// The target of a path with the path of the endpoint's URL already before it, or of an absolute
/// URL that the loader made sure can be parsed.
[[nodiscard]] Target target_of(const config::Endpoint& endpoint, const std::string& path_or_url);

/// Where the endpoint's health is asked and its models are listed: as configured, or else where its
/// type has them, which may be found out only later.
[[nodiscard]] Target health_check_of(const fleet::EndpointView& view);
[[nodiscard]] Target model_list_of(const fleet::EndpointView& view);

/// Asks endpoints on the control thread: looks names up, adds the endpoint's headers.
class Asker {
 public:
  /// All arguments must outlive the asker and its awaitables.
  Asker(net::asio::io_context& io, net::Deadlines& deadlines, net::Resolver& resolver)
      : io_(io), deadlines_(deadlines), resolver_(resolver) {}

  /// Looks the target's name up. When that fails, the addresses known before stay: a server does
  /// not go away with its name server, and the request that follows will tell.
  /// Errors: those of the resolver, when no address is known.
  net::Awaitable<Result<void>> find(Target& target, TimePoint end);

  /// The same for a target that may be on `own_host`, whose addresses `own` were found a moment
  /// ago. Both must outlive the awaitable.
  net::Awaitable<Result<void>> find_beside(const std::string& own_host,
                                           const std::vector<fleet::Address>& own, Target& target,
                                           TimePoint end);

  /// Sends a GET for the target's path and reads the whole answer, all until `end`. The arguments
  /// must outlive the awaitable. Errors: those of net::fetch().
  net::Awaitable<Result<net::FetchResponse>> ask(const config::Endpoint& endpoint,
                                                 const Target& target, std::string_view user_agent,
                                                 std::size_t max_body_bytes, TimePoint end);

  [[nodiscard]] net::asio::io_context& io() { return io_; }

 private:
  net::asio::io_context& io_;
  net::Deadlines& deadlines_;
  net::Resolver& resolver_;
};

}  // namespace olla::proxy
