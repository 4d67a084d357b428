#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "http/field.h"

namespace olla::http {

/// How the end of a message's body is found (RFC 9112, section 6.3).
enum class Framing : std::uint8_t { kNone, kLength, kChunked, kUntilClose };

/// Why a message is not taken: the status that a client gets for it, and words for its error body.
struct Refusal {
  int status;
  std::string_view message;  ///< A literal.
};

/// The head of a request. All views point into the bytes that were parsed.
struct RequestHead {
  std::string_view method;
  std::string_view target;  ///< As sent: origin form, absolute form, "*" or an authority.
  int minor_version = 1;    ///< 0 or 1.
  std::vector<Field> fields;
  Framing framing = Framing::kNone;  ///< kNone, kLength or kChunked.
  std::uint64_t content_length = 0;  ///< With kLength.
  bool keep_alive = true;
  bool expects_continue = false;
  bool takes_trailers = false;  ///< `TE: trailers`.
  std::string_view host;        ///< The Host field, or the host of a target in absolute form.
};

/// The head of a response. All views point into the bytes that were parsed.
struct ResponseHead {
  int status = 0;
  std::string_view reason;
  int minor_version = 1;
  std::vector<Field> fields;
  Framing framing = Framing::kNone;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
};

/// Limits on one head. Bytes count from the first byte of the first line to the end of the empty
/// line.
struct HeadLimits {
  std::size_t bytes = std::size_t{1} << 20;
  std::size_t fields = 1000;  ///< The clients seen send under 40; a server was seen to take 300.
};

/// Finds the end of a head in bytes that arrive in pieces, each byte looked at once.
class HeadScanner {
 public:
  enum class State : std::uint8_t { kMore, kComplete, kMalformed, kTooLarge };

  explicit HeadScanner(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  /// `bytes` is everything received since the head began; it only grows between calls. Refuses a
  /// line that ends in a bare LF, and a first byte that cannot begin a message (a TLS hello).
  State scan(std::string_view bytes);

  /// Bytes of empty lines before the head (RFC 9112, section 2.2); part of size().
  [[nodiscard]] std::size_t skipped() const { return begin_; }
  /// Bytes from the start to the end of the empty line; valid after kComplete.
  [[nodiscard]] std::size_t size() const { return scanned_; }

 private:
  [[nodiscard]] bool may_begin(std::string_view bytes) const;
  State take_line_end(std::string_view bytes, std::size_t at);

  std::size_t limit_bytes_;
  std::size_t begin_ = 0;    // Where the first line starts.
  std::size_t line_ = 0;     // Where the unfinished line starts.
  std::size_t scanned_ = 0;  // Bytes known to hold no further line end.
};

/// Parses one complete request head (as found by HeadScanner, without skipped bytes).
///
/// Strict where two readers could see two different messages (RFC 9112, sections 2.2, 5.1, 5.2, 6.1
/// and 6.3): every such head is refused. `out` is overwritten; its vectors keep their memory.
/// Returns why the head is refused: 400, 417, 431, 501 or 505. `out` then holds the fields in front
/// of the fault, since a refusal is answered and logged under the client's request id.
std::optional<Refusal> parse_request_head(std::string_view bytes, std::size_t max_fields,
                                          RequestHead& out);

/// Parses one complete response head to a request of `request_method`; the same strictness.
/// Returns why it cannot be relayed; the status of that Refusal is always 502.
std::optional<Refusal> parse_response_head(std::string_view bytes, std::size_t max_fields,
                                           std::string_view request_method, ResponseHead& out);

/// Parses a trailer section: field lines and the empty line. False when it is malformed.
bool parse_trailers(std::string_view bytes, std::size_t max_fields, std::vector<Field>& out);

}  // namespace olla::http
