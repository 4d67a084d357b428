#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace olla::openai {

/// FNV-1a of 64 bits, of what is added piece by piece. Not for secrets, nor against an enemy: who
/// finds two texts with one hash gains nothing where it is used.
class Fnv1a {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) {
      value_ ^= static_cast<unsigned char>(c);
      value_ *= 0x100000001b3ULL;
    }
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

/// Which conversation a request goes on with, as a number: the same for each of its requests, since
/// it is made of what a conversation begins with and never changes. nullopt when the body has no
/// such thing.
///
/// Of a list of messages (`messages`, or `input` of the Responses API) that is two parts: what
/// stands before the first message of a user, and the instructions beside the list (`system`,
/// `instructions`), and that message itself. Of each part `limit` bytes count, so that users who
/// share a long system prompt do not share one conversation. Of a `prompt`, or an `input` that is
/// none, it is the first `limit` bytes.
///
/// The text counts and not how it is written: the order of members, white space between them and
/// escapes in a string make no difference, nor do other members of the request.
///
/// Linear in the size of the body; copies no more than a few times `limit`.
[[nodiscard]] std::optional<std::uint64_t> conversation_hash(std::string_view body,
                                                             std::size_t limit);

}  // namespace olla::openai
