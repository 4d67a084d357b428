#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "config/config.h"

namespace olla::routing {

/// What a request says of the session that it belongs to. An empty text is not there.
struct SessionFacts {
  std::string_view session_id;     ///< X-Olla-Session-ID.
  std::string_view authorization;  ///< The whole field.
  std::string_view client;         ///< Address of the peer.
  std::string_view model;          ///< Empty: it names none.
  std::string_view body;
};

struct SessionKey {
  std::uint64_t hash = 0;
  config::StickyKeySource source{};
};

/// Longer ids of sessions are none: they come from the client, and go back to it.
inline constexpr std::size_t kSessionIdBytesMax = 256;

/// The session, by the first of the configured sources that the request has; nullopt: it has none.
/// One client's sessions of two models are two, whose endpoints differ.
[[nodiscard]] std::optional<SessionKey> session_key(const config::StickySessions& rules,
                                                    const SessionFacts& facts);

/// "session_header", "prefix_hash", "auth_header", "ip".
[[nodiscard]] std::string_view to_string(config::StickyKeySource source);

}  // namespace olla::routing
