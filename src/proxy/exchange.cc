#include "proxy/exchange.h"

#include <algorithm>

#include "http/forward.h"
#include "net/read_body.h"
#include "openai/splice.h"
#include "proxy/answer.h"
#include "proxy/fleet_answers.h"
#include "vllm/errors.h"
#include "vllm/meaning.h"
#include "vllm/routes.h"

namespace olla::proxy {
namespace {

// An answer's head: uvicorn sends under 300 bytes; an embedding server may put metadata of many
// inputs into one header.
constexpr http::HeadLimits kResponseHead{.bytes = 256 * 1024, .fields = 300};

// The answers of best_of: 20 times the longest text of a model with a million tokens of context.
constexpr std::size_t kBestOfBytesMax = 64 * 1024 * 1024;

// vLLM's refusals are under 1 KB; those of a faulty schema repeat some of it.
constexpr std::size_t kRefusalBytesMax = 64 * 1024;

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

/// True for a model name that may stand in a header as it is. Real names are under 200 bytes; a
/// client's nonsense shall not come back as a head that nobody takes.
bool fits_header(const std::optional<std::string>& model) {
  return model && !model->empty() && model->size() <= 1024 && http::is_field_value(*model);
}

/// A server whose version is not known is taken for the newest.
vllm::Version version_of(const fleet::EndpointView& view) {
  return view.vllm_version.value_or(vllm::kNewestVersion);
}

/// Whether an answer is an event stream that is sent as it is: an event of the gateway's own would
/// be garbage in a compressed one.
bool is_event_stream(const http::ResponseHead& head) {
  const auto type = http::find_field(head.fields, "content-type");
  const auto coding = http::find_field(head.fields, "content-encoding");
  return type && http::istarts_with(*type, "text/event-stream") &&
         (!coding || http::iequals(*coding, "identity"));
}

}  // namespace

Exchange::Exchange(Services& services, net::ServerConnection& client, Destination destination,
                   log::AccessEntry& entry)
    : services_(services),
      client_(client),
      destination_(std::move(destination)),
      entry_(entry),
      chooser_(services, destination_) {}

void Exchange::on_client_left() {
  if (upstream_) upstream_->abort();
  client_.close();
}

void Exchange::cut() {
  entry_.error = "cut at shutdown";
  if (upstream_) upstream_->abort();
  client_.close(/*reset=*/true);
}

/// vLLM that is told to stop leaves its clients without an end and without an error: the connection
/// stays open and silent. Its port tells.
bool Exchange::is_gone() {
  return present_ && services_.snapshot->endpoints[present_->value()].refuses;
}

void Exchange::on_response_id(std::string_view id) {
  services_.shared.response_owners.remember(id, *present_);
}

net::Awaitable<bool> Exchange::run() {
  facts_ = openai::inspect_request(client_.body().view());
  entry_.model = facts_.model;
  keep_client_ = client_.head().keep_alive;
  const std::uint64_t written_before = client_.bytes_written();
  client_.watch(*this);
  if (facts_.kind != openai::BodyKind::kObject &&
      vllm::takes_json_object(client_.head().method, destination_.path)) {
    OwnAnswer own{400, vllm::not_an_object_error(facts_, client_.body().view())};
    co_await answer(std::move(own), "the body is not a JSON object");
  } else {
    chooser_.begin(facts_, client_.body().view());
    co_await try_endpoints();
  }
  client_.unwatch();
  upstream_.reset();
  entry_.bytes = client_.bytes_written() - written_before;
  if (!client_.is_open()) {
    keep_client_ = false;
    if (entry_.status == 0) entry_.status = log::kClientLeft;
    if (entry_.error.empty() && client_.client_left()) entry_.error = "the client left";
  }
  co_return keep_client_;
}

/// Answers from the gateway itself. The connection survives: the request was read to its end.
net::Awaitable<void> Exchange::answer(OwnAnswer own, std::string_view error) {
  entry_.status = own.status;
  entry_.error = error;
  entry_.refusal = own.code;
  entry_.ttfb_ms = milliseconds(Clock::now() - client_.request_start());
  keep_client_ = keep_client_ && !client_.is_draining();
  const bool sent = co_await send_answer(client_, own, entry_.request_id, keep_client_);
  keep_client_ = keep_client_ && sent;
}

OwnAnswer Exchange::error(int status, std::string_view code, std::string_view message) const {
  return make_error(status, code, message, vllm::error_shape_of(destination_.path));
}

OwnAnswer Exchange::unavailable(std::string_view message) const {
  OwnAnswer own = error(503, "no_healthy_endpoint", message);
  // An endpoint that comes back is noticed within its check interval.
  std::chrono::milliseconds soonest = std::chrono::seconds(60);
  for (const config::Endpoint& endpoint : services_.config.endpoints)
    soonest = std::min(soonest, endpoint.check_interval);
  const auto seconds = std::max<std::int64_t>(1, (soonest.count() + 999) / 1000);
  own.extra_fields = "Retry-After: " + std::to_string(seconds) + "\r\n";
  return own;
}

net::Awaitable<void> Exchange::answer_no_endpoint(const routing::Pick& pick) {
  entry_.endpoint.clear();
  switch (pick.reason) {
    case routing::NoPick::kSpared: {
      OwnAnswer own = guarded_route_answer(destination_.path);
      co_await answer(std::move(own), "the route is guarded");
      co_return;
    }
    case routing::NoPick::kUnknownModel: {
      services_.findings.models_in_doubt();
      OwnAnswer own = unknown_model_answer(*services_.snapshot, destination_.provider,
                                           *facts_.model, destination_.path);
      co_await answer(std::move(own), "unknown model");
      co_return;
    }
    case routing::NoPick::kNoEndpoints: {
      OwnAnswer own = unavailable("No endpoint of this provider is configured.");
      co_await answer(std::move(own), "no endpoint");
      co_return;
    }
    default: {
      OwnAnswer own = unavailable("No healthy endpoint could take this request. Try again later.");
      co_await answer(std::move(own), "no healthy endpoint");
    }
  }
}

net::Awaitable<void> Exchange::try_endpoints() {
  for (;;) {
    // Held here, since a new snapshot may be published while this request runs.
    const std::shared_ptr<const fleet::Snapshot> snapshot = services_.snapshot;
    const routing::Pick picked = chooser_.choose(*snapshot);
    if (picked.view == nullptr) {
      co_await answer_no_endpoint(picked);
      co_return;
    }
    const fleet::Booking booking = routing::book(picked);
    chooser_.note_tried(picked.view->endpoint->id);
    if (co_await try_endpoint(picked) == Try::kOver) co_return;
  }
}

net::Awaitable<Exchange::Try> Exchange::try_endpoint(const routing::Pick& pick) {
  const fleet::EndpointView& view = *pick.view;
  present_ = view.endpoint->id;
  entry_.endpoint = view.endpoint->config.name;
  entry_.endpoint_id = view.endpoint->id;
  ++entry_.tries;
  if (!adapt(pick)) {
    entry_.endpoint.clear();
    OwnAnswer own{400, std::move(*translation_.refusal)};
    co_await answer(std::move(own), "a parameter that cannot be translated");
    co_return Try::kOver;
  }
  const Try first = co_await try_connection(view, /*may_reuse=*/true);
  if (first != Try::kAgain) co_return first;
  co_return co_await try_connection(view, /*may_reuse=*/false);
}

/// Makes the body that the endpoint takes: its own spelling of the model, its version's parameters.
/// False when that cannot be done.
bool Exchange::adapt(const routing::Pick& pick) {
  translation_ = {};
  const std::string_view body = client_.body().view();
  std::optional<std::string> renamed;
  if (pick.model) renamed = openai::with_model(body, *pick.model);
  if (pick.view->is_vllm() && services_.config.vllm.translate_parameters) {
    translation_ = vllm::translate(destination_.path, renamed ? std::string_view(*renamed) : body,
                                   version_of(*pick.view));
  }
  if (renamed && !translation_.body) translation_.body = std::move(renamed);
  return !translation_.refusal;
}

net::Awaitable<Exchange::Try> Exchange::try_connection(const fleet::EndpointView& view,
                                                       bool may_reuse) {
  upstream_ = may_reuse ? services_.pool.take(view.endpoint->id) : nullptr;
  const bool reused = upstream_ != nullptr;
  if (!reused) {
    upstream_ = std::make_unique<net::UpstreamConnection>(services_.io, services_.deadlines);
    const auto connected =
        co_await upstream_->connect(view.addresses, services_.config.proxy.connection_timeout);
    if (!connected) {
      Error why = connected.error();
      // Nothing was sent yet: a silent host is no different from one that refuses.
      if (why.code == Errc::kTimeout) why.code = Errc::kRefused;
      co_return co_await give_up_on(view, why, reused);
    }
  }
  upstream_->judge_silence(this);
  const std::string_view body =
      translation_.body ? std::string_view(*translation_.body) : client_.body().view();
  OutgoingRequest::Parts parts{destination_.target, body, entry_.request_id};
  parts.reads_answer = translation_.best_of.has_value();
  outgoing_.make(client_, view, parts);
  const auto sent = co_await outgoing_.send(*upstream_, services_.config.proxy.read_timeout);
  // An endpoint may answer before it has read the whole body, and then close or read no more: look
  // for that answer also when not all was sent.
  const auto got = co_await read_response_head(view);
  if (!got) {
    const bool silent = got.error().code == Errc::kTimeout;
    const Error why = sent || silent ? got.error() : sent.error();
    co_return co_await give_up_on(view, why, reused);
  }
  const auto elsewhere = co_await look_into_answer(view);
  if (!elsewhere) co_return co_await give_up_on(view, elsewhere.error(), /*reused=*/false);
  if (*elsewhere) co_return Try::kElsewhere;
  if (needs_rewriting()) co_return co_await rewrite_answer(view);
  co_return co_await relay_response(view);
}

/// Decides what a failure before the answer means.
net::Awaitable<Exchange::Try> Exchange::give_up_on(const fleet::EndpointView& view,
                                                   const Error& why, bool reused) {
  if (why.code == Errc::kCancelled || client_.client_left()) {
    client_.close();
    co_return Try::kOver;
  }
  if (why.code == Errc::kClosed && reused && !interim_sent_) co_return Try::kAgain;
  services_.findings.failed(view.endpoint->id);
  services_.logger.warn("endpoint failed", {{"endpoint", view.endpoint->config.name},
                                            {"request_id", entry_.request_id},
                                            {"error", why.detail}});
  switch (why.code) {
    case Errc::kClosed:
    case Errc::kRefused:
      if (!interim_sent_) co_return Try::kElsewhere;
      // The client has seen a byte of this endpoint's.
      co_await answer(
          error(502, "endpoint_closed", "The endpoint closed the connection before it answered."),
          "the endpoint broke off");
      co_return Try::kOver;
    case Errc::kTimeout:
      // The endpoint has the request and may still be working on it: asking another one would pay
      // for the same generation twice.
      co_await answer(
          error(504, "endpoint_timeout", "The endpoint did not answer within the time allowed."),
          "the endpoint was silent");
      co_return Try::kOver;
    default:
      co_await answer(
          error(502, "bad_endpoint_response", "The endpoint's answer could not be understood."),
          "malformed answer");
      co_return Try::kOver;
  }
}

/// Reads heads until the final one; interim answers go to the client as they come.
net::Awaitable<Result<void>> Exchange::read_response_head(const fleet::EndpointView& view) {
  const TimePoint end = Clock::now() + services_.config.proxy.response_header_timeout;
  for (;;) {
    const auto got = co_await read_one_head(end);
    if (!got) co_return got.error();
    if (response_.status >= 200) co_return Result<void>();
    if (response_.status == 101) {
      co_return Error{Errc::kMalformed, Side::kUpstream, "the endpoint switched protocols unasked"};
    }
    // 100 Continue was this gateway's own to give, before it read the body.
    if (response_.status != 100 && client_.head().minor_version != 0) {
      std::string interim;
      const std::vector<http::Field> headers = fields_of(view.endpoint->config.headers);
      http::append_interim_head(response_, headers, interim);
      interim_sent_ = true;
      if (!co_await client_.write(interim)) {
        co_return Error{Errc::kCancelled, Side::kClient, "the client took no interim response"};
      }
    }
    // The interim answer may be what stopped the sending; more of the endpoint's bytes come first.
    // A failure here is the next read's too.
    if (!outgoing_.all_sent() && upstream_->input().empty())
      co_await outgoing_.send(*upstream_, services_.config.proxy.read_timeout);
  }
}

net::Awaitable<Result<void>> Exchange::read_one_head(TimePoint end) {
  http::HeadScanner scanner(kResponseHead.bytes);
  ByteBuffer& input = upstream_->input();
  http::HeadScanner::State state = scanner.scan(input.view());
  while (state == http::HeadScanner::State::kMore) {
    const auto got = co_await upstream_->read(end - Clock::now());
    if (!got) co_return got.error();
    state = scanner.scan(input.view());
  }
  if (state != http::HeadScanner::State::kComplete) {
    co_return Error{Errc::kMalformed, Side::kUpstream, "the endpoint's answer is not HTTP/1.1"};
  }
  head_text_.assign(input.view().substr(scanner.skipped(), scanner.size() - scanner.skipped()));
  input.consume(scanner.size());
  const auto refusal =
      http::parse_response_head(head_text_, kResponseHead.fields, client_.head().method, response_);
  if (refusal) co_return Error{Errc::kMalformed, Side::kUpstream, std::string(refusal->message)};
  co_return Result<void>();
}

/// Reads a short answer that may say more about the server than about the request, and leaves it to
/// be relayed. True when the request should go elsewhere, and can.
net::Awaitable<Result<bool>> Exchange::look_into_answer(const fleet::EndpointView& view) {
  if (!view.is_vllm() || interim_sent_ || response_.framing != http::Framing::kLength ||
      !vllm::may_mean_more(response_.status, destination_.path, response_.content_length,
                           version_of(view))) {
    co_return false;
  }
  const Duration gap = services_.config.proxy.read_timeout;
  const net::BodyPatience patience{.gap = gap, .end = Clock::now() + gap};
  const auto got = co_await net::await_sized_body(*upstream_, response_.content_length, patience);
  if (!got) co_return got.error();
  const std::string_view body = upstream_->input().view().substr(0, response_.content_length);
  co_return means_elsewhere(view, body);
}

bool Exchange::means_elsewhere(const fleet::EndpointView& view, std::string_view body) {
  const EndpointId id = view.endpoint->id;
  bool elsewhere = false;
  switch (vllm::meaning_of(response_.status, body)) {
    case vllm::Meaning::kAnswer:
      return false;
    case vllm::Meaning::kDraining:
      services_.findings.drains(id);
      elsewhere = true;  // Also with nobody else: the client is told that it is worth a retry.
      break;
    case vllm::Meaning::kNoSuchRoute:
      services_.findings.misses_route(id, std::string(vllm::route_name(destination_.path)));
      elsewhere = chooser_.another_can();
      break;
    case vllm::Meaning::kBusy:
      elsewhere = chooser_.another_can();
      break;
  }
  if (!elsewhere) return false;
  upstream_->input().consume(body.size());
  reuse_connection(view);
  return true;
}

/// Gives the connection back when another request may follow on it: the endpoint took all of this
/// one, and all of its answer was read.
void Exchange::reuse_connection(const fleet::EndpointView& view) {
  if (!outgoing_.all_sent() || !response_.keep_alive || !upstream_->input().empty()) return;
  upstream_->judge_silence(nullptr);
  services_.pool.give(view.endpoint->id, std::move(upstream_));
}

std::string Exchange::response_head_text(const fleet::EndpointView& view, const BodyPlan& plan,
                                         bool time_trailer) {
  const std::vector<http::Field> headers = fields_of(view.endpoint->config.headers);
  http::ResponseForwarding forwarding;
  forwarding.endpoint = view.endpoint->config.name;
  if (fits_header(facts_.model)) forwarding.model = *facts_.model;
  forwarding.backend_type = view.endpoint->config.type;
  forwarding.response_time_ms =
      static_cast<std::uint64_t>(milliseconds(Clock::now() - client_.request_start()));
  forwarding.request_id = entry_.request_id;
  forwarding.endpoint_headers = headers;
  forwarding.framing = plan.framing;
  forwarding.client_minor_version = client_.head().minor_version;
  forwarding.keep_alive = keep_client_;
  forwarding.announce_time_trailer = time_trailer;
  forwarding.translated = translation_.note;
  std::string text;
  text.reserve(head_text_.size() + 512);
  http::append_response_head(response_, forwarding, text);
  return text;
}

net::Awaitable<Exchange::Try> Exchange::relay_response(const fleet::EndpointView& view) {
  const std::vector<http::Field> endpoint_headers = fields_of(view.endpoint->config.headers);
  RelayOptions options;
  options.endpoint_headers = endpoint_headers;
  options.plan = plan_body(response_.framing, client_.head().minor_version);
  options.gap_limit = services_.config.proxy.read_timeout;
  options.event_stream = is_event_stream(response_);
  options.error_shape = vllm::error_shape_of(destination_.path);
  if (destination_.path == "/v1/responses" && response_.status == 200) options.response_ids = this;
  const bool time_trailer =
      options.plan.framing == http::Framing::kChunked && client_.head().takes_trailers;
  if (time_trailer) options.time_trailer_since = client_.request_start();
  keep_client_ =
      keep_client_ && !client_.is_draining() && options.plan.framing != http::Framing::kUntilClose;

  entry_.status = response_.status;
  std::string text = response_head_text(view, options.plan, time_trailer);
  const bool whole = outgoing_.all_sent();
  // No retry from here on: the prompt need not be held for as long as the answer takes. What of it
  // was not sent yet never will be.
  client_.body() = ByteBuffer();
  translation_.body.reset();
  Relay relay(*upstream_, client_, response_, options);
  const Relay::End end = co_await relay.run(std::move(text));
  if (relay.head_sent())
    entry_.ttfb_ms = milliseconds(relay.head_sent_at() - client_.request_start());
  entry_.usage = relay.usage();
  if (end == Relay::End::kComplete && whole) reuse_connection(view);
  co_await note_end(view, relay, end);
  co_return Try::kOver;
}

/// Tells the fleet, the log and, where it can still be told, the client how a relay ended.
net::Awaitable<void> Exchange::note_end(const fleet::EndpointView& view, const Relay& relay,
                                        Relay::End end) {
  if (end == Relay::End::kClientGone) {
    keep_client_ = false;
    if (entry_.error.empty()) {
      entry_.error = client_.client_left() ? "the client left" : "the client took no more bytes";
    }
    client_.close();
    co_return;
  }
  if (end == Relay::End::kComplete && !relay.told_error()) co_return;
  const bool complete = end == Relay::End::kComplete;
  services_.findings.failed(view.endpoint->id);
  services_.logger.warn(
      complete ? "endpoint ended its answer with an error" : "endpoint broke off in mid-answer",
      {{"endpoint", view.endpoint->config.name},
       {"request_id", entry_.request_id},
       {"error", complete ? std::string_view("an error event in the stream") : relay.error()}});
  if (!complete && !relay.head_sent()) {
    co_await answer(
        error(502, "bad_endpoint_response", "The endpoint's answer could not be understood."),
        "malformed answer");
    co_return;
  }
  entry_.error = complete            ? "the endpoint told an error"
                 : relay.timed_out() ? "the endpoint fell silent"
                                     : "the endpoint broke off";
  if (!complete) keep_client_ = false;
}

/// Whether the answer is not for the client as it is: several answers to choose from, or a refusal
/// that speaks of parameters which the client did not write.
bool Exchange::needs_rewriting() const {
  if (translation_.best_of && response_.status == 200) return true;
  return response_.status == 400 && !translation_.note.empty() &&
         response_.framing == http::Framing::kLength &&
         response_.content_length <= kRefusalBytesMax;
}

/// Reads the whole answer, makes the client's out of it, and sends that.
net::Awaitable<Exchange::Try> Exchange::rewrite_answer(const fleet::EndpointView& view) {
  const net::BodyPatience patience{.gap = services_.config.proxy.read_timeout,
                                   .end = TimePoint::max()};
  const auto body = co_await net::read_body(*upstream_, response_, kBestOfBytesMax, patience);
  if (!body) co_return co_await give_up_on(view, body.error(), /*reused=*/false);
  const std::string chosen = response_.status == 200
                                 ? vllm::choose_best(*body, *translation_.best_of)
                                 : vllm::explain_refusal(*body, translation_.note);
  reuse_connection(view);
  openai::UsageScanner usage;
  usage.feed(chosen);
  entry_.usage = usage.usage();
  entry_.status = response_.status;
  entry_.ttfb_ms = milliseconds(Clock::now() - client_.request_start());
  keep_client_ = keep_client_ && !client_.is_draining();
  // The length is another one now.
  std::erase_if(response_.fields, [](const http::Field& field) {
    return http::iequals(field.name, "content-length");
  });
  response_.framing = http::Framing::kLength;
  response_.content_length = chosen.size();
  const std::string head =
      response_head_text(view, {.framing = http::Framing::kLength}, /*time_trailer=*/false);
  const bool written = co_await client_.write(head, chosen);
  keep_client_ = keep_client_ && written;
  co_return Try::kOver;
}

}  // namespace olla::proxy
