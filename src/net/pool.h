#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/strong.h"
#include "net/upstream_connection.h"

namespace olla::net {

/// The idle upstream connections of one thread, most recently used first.
///
/// vLLM's server closes a connection that was idle for 5 s, without a word; a broken one may send
/// bytes that nobody asked for, which the next client would take for its answer. Each is therefore
/// checked before it is handed out, and the unusable ones are swept out every second.
class Pool : private Deadline {
 public:
  explicit Pool(Deadlines& deadlines) : Deadline(deadlines) {}

  /// An endpoint that keeps connections open for longer than this gets them closed.
  static constexpr std::chrono::seconds kMaxIdle{60};
  static constexpr std::size_t kMaxIdlePerEndpoint = 1024;

  /// A connection that seems usable, or null. It can still turn out to be closed: the close may be
  /// on its way.
  std::unique_ptr<UpstreamConnection> take(EndpointId endpoint);
  /// Keeps a connection whose last exchange ended cleanly.
  void give(EndpointId endpoint, std::unique_ptr<UpstreamConnection> connection);
  void clear() { idle_.clear(); }

 private:
  void on_deadline() override;

  std::unordered_map<EndpointId, std::vector<std::unique_ptr<UpstreamConnection>>> idle_;
  bool sweeping_ = false;  // The deadline is set.
};

}  // namespace olla::net
