#include "http/head.h"

#if defined(__SSE2__)
#include <emmintrin.h>

#include <bit>
#endif

namespace olla::http {
namespace {

// Of an answer: vLLM's have five. Room for them, not a limit.
constexpr std::size_t kUsualFields = 8;

constexpr Refusal kTooManyFields{431, "Too many header fields."};

// What the framing rules need to know of all fields together.
struct Seen {
  bool content_length = false;
  bool transfer_encoding = false;
  bool chunked = false;
  bool other_coding = false;
  bool close = false;
  bool keep_alive_token = false;
  int hosts = 0;
};

/// Takes one line (without its CRLF) from the front of `rest`. HeadScanner made sure of the CRLFs.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
  return line;
}

/// Not by starts_with(), which is a call, a strlen() and a memcmp() for each line.
bool is_line_end_at(std::string_view text, std::size_t at) {
  return text.size() - at >= 2 && text[at] == '\r' && text[at + 1] == '\n';
}

/// Takes a whole line from the front of `rest` when nothing is wrong with it: its bytes are looked
/// at once. False, with nothing taken: take_line() and judge_field() have to tell.
bool take_field(std::string_view& rest, Field& out) {
  const std::size_t colon = token_length(rest);
  if (colon == 0 || colon == rest.size() || rest[colon] != ':') return false;
  const std::string_view behind(rest.data() + colon + 1, rest.size() - colon - 1);
  const std::size_t end = field_value_length(behind);
  if (!is_line_end_at(behind, end)) return false;
  out.name = {rest.data(), colon};
  out.value = trim({behind.data(), end});
  rest.remove_prefix(colon + 1 + end + 2);
  return true;
}

std::optional<Refusal> judge_field(std::string_view line, Field& out) {
  if (line.front() == ' ' || line.front() == '\t') {
    return Refusal{400, "Folded header lines are not accepted."};
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Refusal{400, "A header line has no colon."};
  out.name = line.substr(0, colon);
  // Also refuses white space between name and colon (RFC 9112, section 5.1).
  if (!is_token(out.name)) return Refusal{400, "A header name is not a token."};
  out.value = trim(line.substr(colon + 1));
  if (!is_field_value(out.value)) {
    return Refusal{400, "A header value holds a control character."};
  }
  return std::nullopt;
}

/// Takes the next field from the front of `rest`, which holds at least one whole line.
std::optional<Refusal> parse_field(std::string_view& rest, Field& out) {
  if (take_field(rest, out)) return std::nullopt;
  return judge_field(take_line(rest), out);
}

/// Whether no field follows: the empty line does, or nothing.
bool ends_here(std::string_view rest) {
  return rest.empty() || is_line_end_at(rest, 0);
}

bool parse_length(std::string_view text, std::uint64_t& out) {
  if (text.empty() || text.size() > 18) return false;  // 18 digits always fit in 64 bits.
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  out = value;
  return true;
}

void note_connection(std::string_view value, Seen& seen) {
  ListWalker list(value);
  while (const auto token = list.next()) {
    if (iequals(*token, "close")) seen.close = true;
    if (iequals(*token, "keep-alive")) seen.keep_alive_token = true;
  }
}

std::optional<Refusal> note_transfer_encoding(std::string_view value, Seen& seen) {
  seen.transfer_encoding = true;
  ListWalker list(value);
  while (const auto coding = list.next()) {
    if (seen.chunked) return Refusal{400, "Chunked must be the last transfer coding, and once."};
    if (iequals(*coding, "chunked")) {
      seen.chunked = true;
    } else {
      seen.other_coding = true;
    }
  }
  return std::nullopt;
}

/// Notes the fields that both kinds of message are framed by.
std::optional<Refusal> note_framing(const Field& field, Seen& seen, std::uint64_t& length) {
  switch (field.name.size()) {
    case 10:
      if (iequals(field.name, "connection")) note_connection(field.value, seen);
      break;
    case 14:
      if (!iequals(field.name, "content-length")) break;
      if (seen.content_length) return Refusal{400, "More than one Content-Length."};
      seen.content_length = true;
      if (!parse_length(field.value, length)) {
        return Refusal{400, "Content-Length is not a number."};
      }
      break;
    case 17:
      if (iequals(field.name, "transfer-encoding")) {
        return note_transfer_encoding(field.value, seen);
      }
      break;
    default:
      break;
  }
  return std::nullopt;
}

std::optional<Refusal> note_request_field(const Field& field, Seen& seen, RequestHead& out) {
  switch (field.name.size()) {
    case 2:
      if (iequals(field.name, "te")) {
        ListWalker list(field.value);
        while (const auto coding = list.next())
          out.takes_trailers = out.takes_trailers || iequals(*coding, "trailers");
      }
      break;
    case 4:
      if (iequals(field.name, "host")) {
        ++seen.hosts;
        out.host = field.value;
      }
      break;
    case 6:
      if (iequals(field.name, "expect")) {
        if (!iequals(field.value, "100-continue")) {
          return Refusal{417, "The only expectation understood is 100-continue."};
        }
        out.expects_continue = true;
      }
      break;
    default:
      return note_framing(field, seen, out.content_length);
  }
  return std::nullopt;
}

bool is_version(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return text.size() == 8 && text.starts_with("HTTP/") && digit(text[5]) && text[6] == '.' &&
         digit(text[7]);
}

std::optional<Refusal> parse_request_line(std::string_view line, RequestHead& out) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return Refusal{400, "The request line is not method, target and version."};
  }
  out.method = line.substr(0, first);
  out.target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(out.method)) return Refusal{400, "The method is not a token."};
  if (!is_visible_ascii(out.target)) {
    return Refusal{400, "The request target holds a character that must be percent-encoded."};
  }
  if (!is_version(version)) return Refusal{400, "The request line has no HTTP version."};
  if (version[5] != '1') return Refusal{505, "This server speaks HTTP/1.0 and HTTP/1.1."};
  out.minor_version = version[7] == '0' ? 0 : 1;
  return std::nullopt;
}

/// The host and port of a target in absolute form.
std::optional<std::string_view> authority_of(std::string_view target) {
  if (!istarts_with(target, "http://") && !istarts_with(target, "https://")) return std::nullopt;
  const std::string_view rest = target.substr(target.find("://") + 3);
  return rest.substr(0, rest.find_first_of("/?"));
}

std::optional<Refusal> decide_request_framing(const Seen& seen, RequestHead& out) {
  if (seen.hosts > 1) return Refusal{400, "More than one Host header."};
  if (seen.hosts == 0 && out.minor_version == 1) return Refusal{400, "The Host header is missing."};
  // The host of a target in absolute form counts, whatever the field says (section 3.2.2).
  if (const auto authority = authority_of(out.target)) out.host = *authority;
  // Neither white space, a path nor a user's name and password (RFC 9110, sections 4.2.4 and 7.2).
  if (out.host.find_first_of(" \t/?#@\\,\"<>") != std::string_view::npos) {
    return Refusal{400, "The host is not a name or an address with a port."};
  }
  if (seen.transfer_encoding) {
    if (seen.content_length) {
      return Refusal{400, "Content-Length and Transfer-Encoding exclude each other."};
    }
    if (seen.other_coding) return Refusal{501, "The only transfer coding understood is chunked."};
    if (!seen.chunked || out.minor_version == 0) {
      return Refusal{400, "Transfer-Encoding does not tell where the body ends."};
    }
    out.framing = Framing::kChunked;
  } else if (seen.content_length) {
    out.framing = Framing::kLength;
  }
  out.keep_alive = !seen.close && (out.minor_version == 1 || seen.keep_alive_token);
  // HTTP/1.0 has no 100 Continue (RFC 9110, section 10.1.1).
  out.expects_continue = out.expects_continue && out.minor_version == 1;
  return std::nullopt;
}

std::optional<Refusal> parse_status_line(std::string_view line, ResponseHead& out) {
  const auto digit = [&](std::size_t at) { return line[at] >= '0' && line[at] <= '9'; };
  if (line.size() < 12 || !is_version(line.substr(0, 8)) || line[5] != '1' || line[8] != ' ' ||
      !digit(9) || !digit(10) || !digit(11) || (line.size() > 12 && line[12] != ' ')) {
    return Refusal{502, "The status line is malformed."};
  }
  out.minor_version = line[7] == '0' ? 0 : 1;
  out.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  out.reason = line.size() > 13 ? line.substr(13) : std::string_view();
  if (out.status < 100 || !is_field_value(out.reason)) {
    return Refusal{502, "The status line is malformed."};
  }
  return std::nullopt;
}

std::optional<Refusal> decide_response_framing(const Seen& seen, std::string_view request_method,
                                               ResponseHead& out) {
  if (seen.transfer_encoding && (seen.content_length || seen.other_coding || !seen.chunked)) {
    return Refusal{502, "The framing of the response is ambiguous or not understood."};
  }
  out.keep_alive = !seen.close && (out.minor_version == 1 || seen.keep_alive_token);
  // HTTP/1.0 has no transfer codings: whoever passed this on may have kept bytes of it back (RFC
  // 9112, section 6.1).
  if (seen.transfer_encoding && out.minor_version == 0) out.keep_alive = false;
  const bool bodiless =
      request_method == "HEAD" || out.status < 200 || out.status == 204 || out.status == 304;
  if (bodiless) {
    out.framing = Framing::kNone;
  } else if (seen.chunked) {
    out.framing = Framing::kChunked;
  } else if (seen.content_length) {
    out.framing = Framing::kLength;
  } else {
    out.framing = Framing::kUntilClose;
    out.keep_alive = false;
  }
  return std::nullopt;
}

}  // namespace

HeadScanner::State HeadScanner::scan(std::string_view bytes) {
#if defined(__SSE2__)
  // One search per line would be a call per line.
  constexpr std::size_t kLaneBytes = sizeof(__m128i);
  while (bytes.size() - scanned_ >= kLaneBytes) {
    const std::size_t from = scanned_;
    const __m128i lane = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + from));
    auto ends = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(lane, _mm_set1_epi8('\n'))));
    for (; ends != 0; ends &= ends - 1) {
      const auto at = from + static_cast<std::size_t>(std::countr_zero(ends));
      if (const auto state = take_line_end(bytes, at); state != State::kMore) return state;
    }
    if (line_ == begin_ && !may_begin(bytes)) return State::kMalformed;
    scanned_ = from + kLaneBytes;
    if (scanned_ > limit_bytes_) return State::kTooLarge;
  }
#endif
  for (std::size_t at = scanned_; at < bytes.size(); ++at) {
    if (bytes[at] != '\n') continue;
    if (const auto state = take_line_end(bytes, at); state != State::kMore) return state;
  }
  if (line_ == begin_ && !may_begin(bytes)) return State::kMalformed;
  scanned_ = bytes.size();
  return scanned_ > limit_bytes_ ? State::kTooLarge : State::kMore;
}

/// Whether the first byte of the first line, if it is there, can begin a message.
bool HeadScanner::may_begin(std::string_view bytes) const {
  if (begin_ >= bytes.size()) return true;
  return bytes[begin_] == '\r' || is_token(bytes.substr(begin_, 1));
}

/// `at` is where a line feed stands.
HeadScanner::State HeadScanner::take_line_end(std::string_view bytes, std::size_t at) {
  if (line_ == begin_ && !may_begin(bytes)) return State::kMalformed;
  if (at == line_ || bytes[at - 1] != '\r') return State::kMalformed;
  scanned_ = at + 1;
  if (scanned_ > limit_bytes_) return State::kTooLarge;
  const bool empty_line = at - line_ == 1;
  if (empty_line && line_ != begin_) return State::kComplete;
  line_ = scanned_;
  if (empty_line) begin_ = scanned_;  // An empty line before the first one.
  return State::kMore;
}

std::optional<Refusal> parse_request_head(std::string_view bytes, std::size_t max_fields,
                                          RequestHead& out) {
  std::vector<Field> fields = std::move(out.fields);
  fields.clear();
  out = RequestHead();
  out.fields = std::move(fields);
  Seen seen;
  if (const auto refusal = parse_request_line(take_line(bytes), out)) return refusal;
  while (!ends_here(bytes)) {
    if (out.fields.size() == max_fields) return kTooManyFields;
    Field field;
    if (const auto refusal = parse_field(bytes, field)) return refusal;
    out.fields.push_back(field);
    if (const auto refusal = note_request_field(field, seen, out)) return refusal;
  }
  return decide_request_framing(seen, out);
}

std::optional<Refusal> parse_response_head(std::string_view bytes, std::size_t max_fields,
                                           std::string_view request_method, ResponseHead& out) {
  std::vector<Field> fields = std::move(out.fields);
  fields.clear();
  out = ResponseHead();
  Seen seen;
  if (const auto refusal = parse_status_line(take_line(bytes), out)) return refusal;
  fields.reserve(kUsualFields);
  while (!ends_here(bytes)) {
    if (fields.size() == max_fields) return Refusal{502, "The response has too many headers."};
    Field& field = fields.emplace_back();
    if (parse_field(bytes, field) || note_framing(field, seen, out.content_length)) {
      return Refusal{502, "A header of the response is malformed."};
    }
  }
  out.fields = std::move(fields);
  return decide_response_framing(seen, request_method, out);
}

bool parse_trailers(std::string_view bytes, std::size_t max_fields, std::vector<Field>& out) {
  out.clear();
  while (!ends_here(bytes)) {
    if (out.size() == max_fields || parse_field(bytes, out.emplace_back())) return false;
  }
  return true;
}

}  // namespace olla::http
