#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace olla::openai {

/// Token counts as a backend reports them.
struct Usage {
  std::uint64_t prompt_tokens = 0;      ///< Also spelt input_tokens.
  std::uint64_t completion_tokens = 0;  ///< Also output_tokens; 0 for embeddings.
  std::uint64_t cached_tokens = 0;      ///< Part of the prompt; 0 when the backend does not say.

  friend bool operator==(const Usage&, const Usage&) = default;
};

/// Watches the bytes of a response, JSON or server-sent events, for token counts.
///
/// It looks for the exact bytes `"usage"` followed by a colon and an object. Inside a JSON string
/// those quotes would be escaped, so that generated text cannot be mistaken for it, and no event
/// or document needs to be parsed. Knows the members of the chat, completion and embedding APIs,
/// of the Responses API and of the Messages API.
///
/// Holds under 200 bytes whatever it is fed, allocates nothing, and runs at the speed of a
/// byte search. Not thread-safe; one scanner per response.
class UsageScanner {
 public:
  /// The next bytes of the payload (transfer coding taken off), cut anywhere. They are not kept.
  void feed(std::string_view payload);

  /// What the usage objects said that have ended so far: of each count the last value given.
  /// nullopt when there was none (`"usage":null` is none).
  [[nodiscard]] std::optional<Usage> usage() const;

 private:
  enum class State { kSearching, kBeforeColon, kBeforeObject, kInObject };

  std::size_t search(std::string_view payload, std::size_t position);
  std::size_t expect_object(std::string_view payload, std::size_t position);
  std::size_t read_object(std::string_view payload, std::size_t position);
  std::size_t read_string(std::string_view payload, std::size_t position);
  void read_byte(char c);
  void open_object();
  void end_value();
  void close_object();

  // Longer keys are of no interest, and compare unequal to all that are.
  static constexpr std::size_t kKeyBytes = 32;

  State state_ = State::kSearching;
  std::size_t matched_ = 0;  // Bytes of the search's needle at the end of the last piece.

  // The object being read. It counts only once it has ended.
  Usage object_;
  bool object_has_counts_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  bool has_digits_ = false;
  bool is_count_ = true;  // The value so far is digits only.
  std::uint64_t number_ = 0;
  std::size_t depth_ = 0;
  std::size_t object_bytes_ = 0;
  std::size_t key_size_ = 0;
  std::array<char, kKeyBytes> key_{};

  Usage usage_;
  bool found_ = false;
};

}  // namespace olla::openai
