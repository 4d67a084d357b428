#include "routing/session_key.h"

#include <array>
#include <cstddef>

#include "openai/conversation.h"

namespace olla::routing {
namespace {

using config::StickyKeySource;

/// Adds what tells the session, for this source; false when the request has nothing of the kind.
bool add(StickyKeySource source, const config::StickySessions& rules, const SessionFacts& facts,
         openai::Fnv1a& hash) {
  std::string_view text;
  switch (source) {
    case StickyKeySource::kSessionHeader:
      if (facts.session_id.size() > kSessionIdBytesMax) return false;
      text = facts.session_id;
      break;
    case StickyKeySource::kAuthHeader:
      text = facts.authorization;
      break;
    case StickyKeySource::kIp:
      text = facts.client;
      break;
    case StickyKeySource::kPrefixHash: {
      const auto conversation = openai::conversation_hash(facts.body, rules.prefix_hash_bytes);
      if (!conversation) return false;
      std::array<char, sizeof(*conversation)> bytes;
      for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(*conversation >> (8 * i));
      hash.add({bytes.data(), bytes.size()});
      return true;
    }
  }
  hash.add(text);
  return !text.empty();
}

}  // namespace

std::optional<SessionKey> session_key(const config::StickySessions& rules,
                                      const SessionFacts& facts) {
  for (const StickyKeySource source : rules.key_sources) {
    openai::Fnv1a hash;
    hash.add(to_string(source));
    hash.add(":");
    if (!add(source, rules, facts, hash)) continue;
    hash.add(":");
    hash.add(facts.model);
    return SessionKey{hash.value(), source};
  }
  return std::nullopt;
}

std::string_view to_string(StickyKeySource source) {
  switch (source) {
    case StickyKeySource::kSessionHeader:
      return "session_header";
    case StickyKeySource::kPrefixHash:
      return "prefix_hash";
    case StickyKeySource::kAuthHeader:
      return "auth_header";
    case StickyKeySource::kIp:
      break;
  }
  return "ip";
}

}  // namespace olla::routing
