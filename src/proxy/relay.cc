#include "proxy/relay.h"

#include <array>
#include <charconv>

#include "http/forward.h"
#include "openai/response_id.h"
#include "vllm/errors.h"

namespace olla::proxy {
namespace {

// Trailers are a checksum or a status; a section larger than this is not one.
constexpr std::size_t kMaxTrailerBytes = 64 * 1024;
constexpr std::size_t kMaxTrailers = 100;

// The id is the first member of an answer, and stands in the first event of a stream.
constexpr std::size_t kResponseIdWithin = 2048;

// The event behind the last token comes at once and is no token.
constexpr std::string_view kEndOfStream = "data: [DONE]";

void append_chunk(std::string_view payload, std::string& out) {
  std::array<char, 16> digits;
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), payload.size(), 16).ptr;
  out.append(digits.data(), end).append("\r\n").append(payload).append("\r\n");
}

/// Bytes of the trailer section at the front of `bytes`, its empty line included; 0: not all there.
std::size_t trailer_section_size(std::string_view bytes) {
  if (bytes.starts_with("\r\n")) return 2;
  const std::size_t end = bytes.find("\r\n\r\n");
  return end == std::string_view::npos ? 0 : end + 4;
}

Error malformed(const char* what) {
  return {Errc::kMalformed, Side::kUpstream, what};
}

std::uint64_t milliseconds_since(TimePoint start) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count());
}

}  // namespace

BodyPlan plan_body(http::Framing upstream, int client_minor_version) {
  if (upstream == http::Framing::kChunked && client_minor_version == 0) {
    return {http::Framing::kUntilClose, false};
  }
  if (upstream == http::Framing::kUntilClose && client_minor_version == 1) {
    return {http::Framing::kChunked, false};
  }
  return {upstream, true};
}

BodyPlan plan_rewritten_body(http::Framing upstream, int client_minor_version) {
  if (upstream == http::Framing::kNone) return {};
  return {client_minor_version == 0 ? http::Framing::kUntilClose : http::Framing::kChunked, false};
}

Relay::Relay(net::UpstreamConnection& upstream, net::ServerConnection& client,
             const http::ResponseHead& head, const RelayOptions& options)
    : upstream_(upstream),
      client_(client),
      head_(head),
      options_(options),
      scanner_(head.framing, head.content_length) {}

net::Awaitable<Relay::End> Relay::run(std::string head_text) {
  prefix_ = std::move(head_text);
  for (;;) {
    std::size_t raw_bytes = scan();
    if (scanner_.state() == http::BodyScanner::State::kMalformed) {
      Error why = malformed("the chunked framing of the answer is broken");
      co_return co_await stopped(std::move(why));
    }
    if (scanner_.state() == http::BodyScanner::State::kTrailers) {
      if (trailer_section_size(upstream_.input().view().substr(raw_bytes)) == 0) {
        // The last bytes of the body do not wait for trailers that are still on their way.
        Write early = send_now(raw_bytes);
        if (early == Write::kBlocked) early = co_await send_rest(raw_bytes);
        if (early == Write::kFailed) co_return End::kClientGone;
        raw_bytes = 0;
      }
      const auto trailers = co_await read_trailers(raw_bytes);
      if (!trailers) co_return co_await stopped(trailers.error());
    } else if (scanner_.state() == http::BodyScanner::State::kDone) {
      finish_reframed();
    }
    Write sent = send_now(raw_bytes);
    if (sent == Write::kBlocked) sent = co_await send_rest(raw_bytes);
    if (sent == Write::kFailed) co_return End::kClientGone;
    if (scanner_.state() != http::BodyScanner::State::kMore) co_return End::kComplete;

    const auto got = co_await upstream_.read(options_.gap_limit);
    if (got) continue;
    const bool may_be_the_end = got.error().code == Errc::kClosed && upstream_.ended_in_order();
    if (!may_be_the_end || !scanner_.finish_at_close()) {
      co_return co_await stopped(got.error());
    }
  }
}

/// Follows the framing through what is there; returns how many raw bytes belong to the body.
std::size_t Relay::scan() {
  const std::string_view input = upstream_.input().view();
  std::size_t raw_bytes = 0;
  bool has_payload = false;
  bool is_end = false;
  while (scanner_.state() == http::BodyScanner::State::kMore) {
    const auto step = scanner_.next(input.substr(raw_bytes));
    if (step.consumed == 0) break;
    raw_bytes += step.consumed;
    if (step.payload.empty()) continue;
    if (!has_payload) is_end = step.payload.starts_with(kEndOfStream);
    has_payload = true;
    note_payload(step.payload);
  }
  if (has_payload && options_.event_stream) note_piece(is_end);
  return raw_bytes;
}

/// Takes the time of what came in one read: a token, or several when they come close together.
void Relay::note_piece(bool is_end) {
  const TimePoint now = Clock::now();
  if (!first_piece_at_) {
    first_piece_at_ = now;
  } else if (options_.gaps != nullptr && !is_end) {
    options_.gaps->observe(now - last_piece_at_);
  }
  last_piece_at_ = now;
}

void Relay::note_payload(std::string_view payload) {
  usage_.feed(payload);
  if (options_.event_stream) {
    events_.feed(payload);
    error_events_.feed(payload);
  }
  if (options_.response_ids != nullptr) look_for_response_id(payload);
  if (options_.plan.raw) return;
  if (options_.rewriter != nullptr) {
    rewritten_.clear();
    options_.rewriter->feed(payload, rewritten_);
    payload = rewritten_;
    if (payload.empty()) return;  // A chunk without bytes would be the last one.
  }
  if (options_.plan.framing == http::Framing::kChunked) {
    append_chunk(payload, prefix_);
  } else {
    prefix_.append(payload);
  }
}

void Relay::look_for_response_id(std::string_view payload) {
  start_.append(payload.substr(0, kResponseIdWithin - start_.size()));
  const auto id = openai::response_id_in(start_);
  if (id) options_.response_ids->on_response_id(*id);
  if (id || start_.size() >= kResponseIdWithin) options_.response_ids = nullptr;
}

/// Ends a body that the gateway chunked itself.
void Relay::finish_reframed() {
  if (options_.plan.raw || options_.plan.framing != http::Framing::kChunked) return;
  suffix_ = "0\r\n";
  append_trailers({});
}

void Relay::append_trailers(std::span<const http::Field> trailers) {
  http::ResponseTrailerForwarding forwarding;
  forwarding.endpoint_headers = options_.endpoint_headers;
  if (options_.time_trailer_since)
    forwarding.response_time_ms = milliseconds_since(*options_.time_trailer_since);
  http::append_response_trailers(trailers, head_, forwarding, suffix_);
}

/// Waits for the whole trailer section, which starts at `offset` of the input, and makes suffix_.
net::Awaitable<Result<void>> Relay::read_trailers(std::size_t offset) {
  for (;;) {
    const std::string_view section = upstream_.input().view().substr(offset);
    const std::size_t size = trailer_section_size(section);
    if (size > 0) {
      if (!http::parse_trailers(section.substr(0, size), kMaxTrailers, trailers_)) {
        co_return malformed("the trailers of the answer are malformed");
      }
      if (options_.plan.framing == http::Framing::kChunked) {
        if (!options_.plan.raw) suffix_ = "0\r\n";
        append_trailers(trailers_);
      }
      trailer_bytes_ = size;
      co_return Result<void>();
    }
    if (section.size() > kMaxTrailerBytes) {
      co_return malformed("the trailers of the answer are too large");
    }
    const auto got = co_await upstream_.read(options_.gap_limit);
    if (!got) co_return got.error();
  }
}

/// Writes prefix_, the first `raw_bytes` of the input when the body goes through raw, and suffix_.
/// Not a coroutine, since nearly every client takes all of it at once; see send_rest().
Relay::Write Relay::send_now(std::size_t raw_bytes) {
  std::string_view raw = upstream_.input().view().substr(0, options_.plan.raw ? raw_bytes : 0);
  if (!prefix_.empty() && !suffix_.empty()) {
    prefix_.append(raw);  // Three pieces become two; such a body is short.
    raw = {};
  }
  const std::string_view first = prefix_.empty() ? raw : std::string_view(prefix_);
  const std::string_view second = prefix_.empty()   ? std::string_view(suffix_)
                                  : suffix_.empty() ? raw
                                                    : std::string_view(suffix_);
  if (!head_sent_) {
    head_sent_ = true;
    head_sent_at_ = Clock::now();
  }
  Write written = Write::kDone;
  if (!first.empty() || !second.empty()) written = client_.write_now(first, second);
  if (written == Write::kDone) forget_sent(raw_bytes);
  return written;
}

/// Waits until the client has taken what send_now() left: kDone or kFailed.
net::Awaitable<Relay::Write> Relay::send_rest(std::size_t raw_bytes) {
  const bool flushed = co_await client_.flush();
  if (!flushed) co_return Write::kFailed;
  forget_sent(raw_bytes);
  co_return Write::kDone;
}

void Relay::forget_sent(std::size_t raw_bytes) {
  upstream_.input().consume(raw_bytes + trailer_bytes_);
  prefix_.clear();
  suffix_.clear();
}

/// Whether the client, by what was sent to it, would understand one more event here.
bool Relay::may_add_event() const {
  if (!options_.event_stream || !events_.at_boundary()) return false;
  // Behind the last chunk there are only trailers, and behind broken framing nothing is certain.
  if (scanner_.state() != http::BodyScanner::State::kMore) return false;
  if (options_.plan.framing == http::Framing::kLength) return false;
  return options_.plan.framing != http::Framing::kChunked || !options_.plan.raw ||
         scanner_.between_chunks();
}

/// The answer cannot go on. When that is the endpoint's doing, an event stream is told so and the
/// connection is cut.
net::Awaitable<Relay::End> Relay::stopped(Error why) {
  if (why.code == Errc::kCancelled || client_.client_left()) co_return End::kClientGone;
  error_ = std::move(why.detail);
  timed_out_ = why.code == Errc::kTimeout;
  if (!head_sent_) co_return End::kUpstreamBroke;  // The caller can still answer.
  if (may_add_event()) {
    vllm::ApiError error;
    error.message = timed_out_
                        ? "The endpoint went silent in the middle of its answer."
                        : "The connection to the endpoint broke in the middle of its answer.";
    error.type = timed_out_ ? "Gateway Timeout" : "Bad Gateway";
    error.status = timed_out_ ? 504 : 502;
    const std::string event =
        sse::error_event(vllm::error_body(error, options_.error_shape),
                         options_.error_shape == vllm::ErrorShape::kOpenAi ? "" : "error");
    std::string text;
    if (options_.plan.framing == http::Framing::kChunked) {
      append_chunk(event, text);
    } else {
      text = event;
    }
    co_await client_.write(text);
  }
  // Without the last chunk, or the missing bytes, the close shows by itself; a body that ends with
  // the close would look whole, so it is reset.
  client_.close(/*reset=*/options_.plan.framing == http::Framing::kUntilClose);
  co_return End::kUpstreamBroke;
}

}  // namespace olla::proxy
