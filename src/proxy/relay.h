#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/body.h"
#include "http/head.h"
#include "metrics/histogram.h"
#include "net/server_connection.h"
#include "net/upstream_connection.h"
#include "openai/model_rewriter.h"
#include "openai/usage.h"
#include "sse/tail.h"
#include "vllm/error_event.h"
#include "vllm/errors.h"

namespace olla::proxy {

/// How a body goes to the client, given how it comes and what the client understands.
struct BodyPlan {
  http::Framing framing = http::Framing::kNone;  ///< Towards the client.
  bool raw = true;  ///< The bytes go through as they come, framing included.
};

/// Raw wherever the client can read the endpoint's own framing. An HTTP/1.0 client gets a chunked
/// body unwrapped and ended by the close; a body that the endpoint ends by closing is chunked for
/// an HTTP/1.1 client, so that its connection survives and a cut would show.
BodyPlan plan_body(http::Framing upstream, int client_minor_version);

/// The same for a body whose length changes on the way.
BodyPlan plan_rewritten_body(http::Framing upstream, int client_minor_version);

/// Told the id of an answer of the Responses API as soon as it passes.
class ResponseIdListener {
 public:
  virtual ~ResponseIdListener() = default;
  virtual void on_response_id(std::string_view id) = 0;
};

struct RelayOptions {
  BodyPlan plan;
  Duration gap_limit;  ///< Longest silence of the endpoint.
  /// When the answer began; with it, X-Olla-Response-Time goes out as a trailer.
  std::optional<TimePoint> time_trailer_since;
  bool event_stream = false;  ///< text/event-stream: an error can be told as an event.
  vllm::ErrorShape error_shape = vllm::ErrorShape::kOpenAi;  ///< Of that event.
  ResponseIdListener* response_ids = nullptr;                ///< Null: nobody wants to know.
  openai::ModelRewriter* rewriter =
      nullptr;                         ///< Null: nothing is rewritten. Else `plan` is not raw.
  metrics::Histogram* gaps = nullptr;  ///< Of an event stream: the times between its pieces.
  std::span<const http::Field> endpoint_headers;  ///< Trailers of these names are dropped.
};

/// Carries one response body from an endpoint to a client.
///
/// Holds one piece: it reads again only when the client took the last one, so that a slow client
/// slows the endpoint down and memory stays bounded. Watches the payload for token counts.
class Relay {
 public:
  enum class End : std::uint8_t {
    kComplete,       ///< All of it was written.
    kClientGone,     ///< The client left or took nothing for too long, or somebody aborted it.
    kUpstreamBroke,  ///< See error(); a client that has the head is cut off so that it shows.
  };

  /// Both connections, `head` and what the options point at must outlive the relay.
  Relay(net::UpstreamConnection& upstream, net::ServerConnection& client,
        const http::ResponseHead& head, const RelayOptions& options);

  /// Writes `head_text`, which goes out together with the first bytes of the body that are already
  /// there, and then the body.
  net::Awaitable<End> run(std::string head_text);

  [[nodiscard]] std::optional<openai::Usage> usage() const { return usage_.usage(); }
  [[nodiscard]] const std::string& error() const { return error_; }
  /// The stream had an event that says that the server failed.
  [[nodiscard]] bool told_error() const { return error_events_.found(); }
  /// After kUpstreamBroke: the endpoint was silent for too long.
  [[nodiscard]] bool timed_out() const { return timed_out_; }
  [[nodiscard]] bool head_sent() const { return head_sent_; }
  /// When the head was handed to the client.
  [[nodiscard]] TimePoint head_sent_at() const { return head_sent_at_; }
  /// When the first bytes of an event stream came.
  [[nodiscard]] std::optional<TimePoint> first_piece_at() const { return first_piece_at_; }

 private:
  using Write = net::ServerConnection::Write;

  std::size_t scan();
  void note_payload(std::string_view payload);
  void note_piece(bool is_end);
  void look_for_response_id(std::string_view payload);
  void finish_reframed();
  void append_trailers(std::span<const http::Field> trailers);
  net::Awaitable<Result<void>> read_trailers(std::size_t offset);
  Write send_now(std::size_t raw_bytes);
  net::Awaitable<Write> send_rest(std::size_t raw_bytes);
  void forget_sent(std::size_t raw_bytes);
  net::Awaitable<End> stopped(Error why);
  [[nodiscard]] bool may_add_event() const;

  net::UpstreamConnection& upstream_;
  net::ServerConnection& client_;
  const http::ResponseHead& head_;
  RelayOptions options_;
  http::BodyScanner scanner_;
  openai::UsageScanner usage_;
  sse::EventTail events_;
  vllm::ErrorEventScanner error_events_;
  std::string rewritten_;
  std::string start_;   // Of the payload, until the id was found in it.
  std::string prefix_;  // Goes out before the bytes of this round: the head, or a reframed body.
  std::string suffix_;  // Goes out after them: the trailers.
  std::vector<http::Field> trailers_;
  std::string error_;
  TimePoint head_sent_at_;
  std::optional<TimePoint> first_piece_at_;
  TimePoint last_piece_at_;
  bool head_sent_ = false;
  bool timed_out_ = false;
  std::size_t trailer_bytes_ = 0;  // Of the input, behind the raw bytes.
};

}  // namespace olla::proxy
