#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cidr.h"
#include "config/config.h"
#include "http/head.h"
#include "limits/client_address.h"

namespace olla::limits {

/// Whether a path is under /internal/ and not the health document, which everybody may read.
/// `path`: without its query, decoded or not.
[[nodiscard]] bool is_guarded_internal_path(std::string_view path);

/// Who may use the gateway's own documents and commands. Immutable; any thread.
class InternalAccess {
 public:
  /// Without a policy: peers on this machine, by the name "localhost", the name that the gateway
  /// listens on, or an address.
  InternalAccess(const std::optional<config::AccessPolicy>& policy,
                 std::string_view listening_host);

  /// nullopt: the request may be answered. Else why not, in words for its sender and the operator.
  ///
  /// The peer counts, and not what a proxy says of its clients. Host has to be an address or an
  /// allowed name: a page of somebody else's whose name was made to point at this machine (DNS
  /// rebinding) has its own there. A command (any method but GET and HEAD) may not come from a page
  /// of another origin, which a browser lets send it unasked.
  [[nodiscard]] std::optional<std::string> refusal(const ClientAddress& peer,
                                                   const http::RequestHead& head) const;

 private:
  std::vector<Cidr> networks_;
  std::vector<std::string> hosts_;
};

}  // namespace olla::limits
