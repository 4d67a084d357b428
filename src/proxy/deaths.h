#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "fleet/snapshot.h"
#include "net/types.h"
#include "net/upstream_connection.h"
#include "proxy/services.h"

namespace olla::proxy {

/// The endpoints that closed the connection under one request, and how many of them died of it: a
/// server that died refuses connections soon after. One that only reset a connection takes the
/// next.
///
/// Belongs to the request's exchange, on one thread.
class Deaths {
 public:
  explicit Deaths(Services& services);

  /// The endpoint closed the connection when it had something of the request. Looks at its port at
  /// once. When it is not the first such endpoint, the answer matters: the ports of all are looked
  /// at until they have refused, for kWatch at most, or for kDoubt while none has.
  ///
  /// Its end is early when end() was called.
  net::Awaitable<void> note_closed(const fleet::EndpointView& view);
  /// The same of an endpoint that was seen to refuse right afterwards.
  void note_refused(const fleet::EndpointView& view);

  /// Whether an endpoint closed the connection before.
  [[nodiscard]] bool has_suspects() const { return !suspects_.empty(); }
  /// Endpoints that died.
  [[nodiscard]] std::uint32_t count() const;

  /// The client left.
  void end();

  /// A process that ends closes its connections and its port within milliseconds, but a supervisor
  /// that ends what is left of it, or a server that first answers what it has, takes longer.
  static constexpr std::chrono::milliseconds kWatch{1000};
  /// Two endpoints in a row that only reset a connection shall not cost the client a second.
  static constexpr std::chrono::milliseconds kDoubt{100};
  /// Between two looks.
  static constexpr std::chrono::milliseconds kStep{25};
  /// Longest wait for one look at a port; one that says nothing is none that refuses.
  static constexpr std::chrono::milliseconds kLook{250};

 private:
  struct Suspect {
    EndpointId id;
    std::vector<fleet::Address> addresses;
    bool dead = false;
  };

  net::Awaitable<void> look_at_all();

  Services& services_;
  std::vector<Suspect> suspects_;
  std::unique_ptr<net::UpstreamConnection> probe_;  // The look that runs.
  net::Timer pause_;
  bool ended_ = false;
};

}  // namespace olla::proxy
