#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "openai/members.h"

namespace olla::openai {

/// What a request body is, by its first significant bytes; nothing deeper is judged.
enum class BodyKind {
  kObject,   ///< Begins with '{'; may be broken further on: the backend answers that best.
  kEmpty,    ///< No byte at all.
  kNull,     ///< Begins with the word null.
  kArray,    ///< Begins with '['.
  kString,   ///< Begins with a quote.
  kNumber,   ///< Begins as a number does, NaN and Infinity included.
  kBoolean,  ///< Begins with the word true or false.
  kNotJson,  ///< No JSON value begins with these bytes, or there is nothing but white space.
};

/// What the gateway wants to know of a request.
struct RequestFacts {
  BodyKind kind = BodyKind::kEmpty;
  /// The member "model", decoded, otherwise exactly as the client wrote it. Of duplicates the last
  /// one counts, as it does for vLLM. Absent when missing, null, not a string, or a broken string.
  /// Of a multipart form: its field "model".
  std::optional<std::string> model = std::nullopt;
  /// The member "stream", by vLLM's rules: true, 1 and words such as "yes" turn it on.
  bool stream = false;
  /// Those of the members that were looked at, at the top level.
  KeySet keys = {};
  /// For kNotJson: where the value should begin, in bytes behind the byte order mark.
  std::size_t error_offset = 0;
};

/// Looks at the members of `body` at its top level. Linear time; allocates for the model's name
/// only. An object that is cut off or broken yields what was found before the break.
[[nodiscard]] RequestFacts inspect_request(std::string_view body);

/// The text of the member `key` of the JSON object `body`, of duplicates the last; nullopt when it
/// is missing or no valid string.
[[nodiscard]] std::optional<std::string> text_member(std::string_view body, std::string_view key);

/// Whether the key of a member is `wanted`. `raw` is what stands between the key's quotes: clients
/// may write it with escapes ("mod\u0065l"), and vLLM reads it decoded.
[[nodiscard]] bool key_is(std::string_view raw, std::string_view wanted);

/// Whether vLLM's request model turns this JSON value into true where it wants a boolean: true, 1
/// and words such as "yes" (so that "stream": "yes" does stream).
[[nodiscard]] bool means_true(std::string_view value);

/// The text of a JSON string: `raw` is what stands between its quotes. nullopt when an escape is
/// bad, a surrogate is alone, or a quote or control character stands unescaped. Bytes that are not
/// escapes are copied as they are, also invalid UTF-8.
[[nodiscard]] std::optional<std::string> decode_json_string(std::string_view raw);

/// `text` as a JSON string, quotes included. Control characters are escaped; every byte that is
/// not part of valid UTF-8 becomes U+FFFD, so that the result is always valid JSON.
[[nodiscard]] std::string json_quoted(std::string_view text);
/// The same, behind what `out` holds.
void append_json_quoted(std::string_view text, std::string& out);
/// How many bytes at the front of `text` stand in a JSON string as they are, ASCII alone.
[[nodiscard]] std::size_t json_plain_length(std::string_view text);

}  // namespace olla::openai
