#include "proxy/exchange.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/forward.h"
#include "proxy/answer.h"
#include "vllm/errors.h"
#include "vllm/routes.h"

namespace olla::proxy {
namespace {

// An answer's head: uvicorn sends under 300 bytes; an embedding server may put metadata of many
// inputs into one header.
constexpr http::HeadLimits kResponseHead{.bytes = 256 * 1024, .fields = 300};

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

std::vector<http::Field> fields_of(const std::vector<config::Header>& headers) {
  std::vector<http::Field> fields;
  fields.reserve(headers.size());
  for (const config::Header& header : headers)
    fields.push_back({header.name, header.value});
  return fields;
}

/// True for a model name that may stand in a header as it is. Real names are under 200 bytes; a
/// client's nonsense shall not come back as a head that nobody takes.
bool fits_header(const std::optional<std::string>& model) {
  return model && !model->empty() && model->size() <= 1024 && http::is_field_value(*model);
}

}  // namespace

Exchange::Exchange(Services& services, net::ServerConnection& client, const routing::Route& route,
                   log::AccessEntry& entry)
    : services_(services), client_(client), route_(route), entry_(entry) {}

void Exchange::on_client_left() {
  if (upstream_) upstream_->abort();
  client_.close();
}

void Exchange::cut() {
  entry_.error = "cut at shutdown";
  if (upstream_) upstream_->abort();
  client_.close(/*reset=*/true);
}

net::Awaitable<bool> Exchange::run() {
  facts_ = openai::inspect_request(client_.body().view());
  entry_.model = facts_.model;
  keep_client_ = client_.head().keep_alive;
  const std::uint64_t written_before = client_.bytes_written();
  client_.watch(*this);
  if (facts_.kind != openai::BodyKind::kObject &&
      vllm::takes_json_object(client_.head().method, path_of(route_.path))) {
    OwnAnswer own{400, vllm::not_an_object_error(facts_, client_.body().view()), {}};
    co_await answer(std::move(own), "the body is not a JSON object");
  } else {
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
  entry_.ttfb_ms = milliseconds(Clock::now() - client_.request_start());
  keep_client_ = keep_client_ && !client_.is_draining();
  const bool sent = co_await send_answer(client_, own, entry_.request_id, keep_client_);
  keep_client_ = keep_client_ && sent;
}

net::Awaitable<void> Exchange::answer_no_endpoint(routing::NoPick reason) {
  const bool none_configured = reason == routing::NoPick::kNoEndpoints;
  OwnAnswer own =
      make_error(503, "no_healthy_endpoint",
                 none_configured ? "No endpoint of this provider is configured."
                                 : "No healthy endpoint could take this request. Try again later.");
  // An endpoint that comes back is noticed within its check interval.
  std::chrono::milliseconds soonest = std::chrono::seconds(60);
  for (const config::Endpoint& endpoint : services_.config.endpoints)
    soonest = std::min(soonest, endpoint.check_interval);
  const auto seconds = std::max<std::int64_t>(1, (soonest.count() + 999) / 1000);
  own.extra_fields = "Retry-After: " + std::to_string(seconds) + "\r\n";
  entry_.endpoint.clear();
  co_await answer(std::move(own), "no healthy endpoint");
}

net::Awaitable<void> Exchange::try_endpoints() {
  for (;;) {
    // Held here, since a new snapshot may be published while this request runs.
    const std::shared_ptr<const fleet::Snapshot> snapshot = services_.snapshot;
    routing::PickRequest request;
    request.provider = route_.provider;
    if (facts_.model) request.model = *facts_.model;
    request.tried = tried_;
    request.turn = services_.turn++;
    const routing::Pick pick = routing::pick(*snapshot, request);
    if (pick.view == nullptr) {
      co_await answer_no_endpoint(pick.reason);
      co_return;
    }
    const fleet::Booking booking = routing::book(pick);
    tried_.push_back(pick.view->endpoint->id);
    if (co_await try_endpoint(*pick.view) == Try::kOver) co_return;
  }
}

net::Awaitable<Exchange::Try> Exchange::try_endpoint(const fleet::EndpointView& view) {
  entry_.endpoint = view.endpoint->config.name;
  const Try first = co_await try_connection(view, /*may_reuse=*/true);
  if (first != Try::kAgain) co_return first;
  co_return co_await try_connection(view, /*may_reuse=*/false);
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
  const auto sent = co_await send_request(view);
  // An endpoint may answer before it has read the whole body, and then close or read no more: look
  // for that answer also when not all was sent.
  const auto got = co_await read_response_head();
  if (!got) {
    const bool silent = got.error().code == Errc::kTimeout;
    const Error why = sent || silent ? got.error() : sent.error();
    co_return co_await give_up_on(view, why, reused);
  }
  co_await relay_response(view, all_sent());
  co_return Try::kOver;
}

/// Decides what a failure before the answer means.
net::Awaitable<Exchange::Try> Exchange::give_up_on(const fleet::EndpointView& view,
                                                   const Error& error, bool reused) {
  if (error.code == Errc::kCancelled || client_.client_left()) {
    client_.close();
    co_return Try::kOver;
  }
  if (error.code == Errc::kClosed && reused && !interim_sent_) co_return Try::kAgain;
  services_.suspect(view.endpoint->id);
  services_.logger.warn("endpoint failed", {{"endpoint", view.endpoint->config.name},
                                            {"request_id", entry_.request_id},
                                            {"error", error.detail}});
  switch (error.code) {
    case Errc::kClosed:
    case Errc::kRefused:
      if (!interim_sent_) co_return Try::kElsewhere;
      // The client has seen a byte of this endpoint's.
      co_await answer(make_error(502, "endpoint_closed",
                                 "The endpoint closed the connection before it answered."),
                      "the endpoint broke off");
      co_return Try::kOver;
    case Errc::kTimeout:
      // The endpoint has the request and may still be working on it: asking another one would pay
      // for the same generation twice.
      co_await answer(make_error(504, "endpoint_timeout",
                                 "The endpoint did not answer within the time allowed."),
                      "the endpoint was silent");
      co_return Try::kOver;
    default:
      co_await answer(make_error(502, "bad_endpoint_response",
                                 "The endpoint's answer could not be understood."),
                      "malformed answer");
      co_return Try::kOver;
  }
}

net::Awaitable<Result<void>> Exchange::send_request(const fleet::EndpointView& view) {
  const config::Endpoint& endpoint = view.endpoint->config;
  const std::string authority = endpoint.address.authority();
  const std::vector<http::Field> headers = fields_of(endpoint.headers);
  const std::string_view body = client_.body().view();
  http::RequestForwarding forwarding;
  forwarding.target = route_.path;
  forwarding.authority = authority;
  forwarding.client_address = client_.client_address();
  forwarding.request_id = entry_.request_id;
  forwarding.endpoint_headers = headers;
  forwarding.forward_client_auth = endpoint.forward_client_auth;
  forwarding.content_length = body.size();
  // A body that was chunked is whole now, and its length known; only trailers need chunks.
  const bool trailers = !client_.trailers().empty();
  if (client_.head().framing != http::Framing::kNone) {
    forwarding.framing = trailers ? http::Framing::kChunked : http::Framing::kLength;
  }
  request_head_.clear();
  request_tail_.clear();
  http::append_request_head(client_.head(), forwarding, request_head_);
  if (trailers) {
    if (!body.empty()) {
      std::array<char, 16> digits;
      const auto end =
          std::to_chars(digits.data(), digits.data() + digits.size(), body.size(), 16).ptr;
      request_head_.append(digits.data(), end).append("\r\n");
      request_tail_.append("\r\n");
    }
    request_tail_.append("0\r\n");
    http::append_request_trailers(client_.trailers(), client_.head(), forwarding, request_tail_);
  }
  unsent_ = {request_head_, body, request_tail_};
  co_return co_await send_rest();
}

bool Exchange::all_sent() const {
  return std::all_of(unsent_.begin(), unsent_.end(), [](auto part) { return part.empty(); });
}

/// Sends what is unsent, until the endpoint says something although it takes no more.
net::Awaitable<Result<void>> Exchange::send_rest() {
  const Duration limit = services_.config.proxy.read_timeout;
  const auto sent = co_await upstream_->write(unsent_[0], unsent_[1], limit);
  if (!sent) co_return sent.error();
  const std::size_t from_head = std::min(*sent, unsent_[0].size());
  unsent_[0].remove_prefix(from_head);
  unsent_[1].remove_prefix(*sent - from_head);
  if (!unsent_[0].empty() || !unsent_[1].empty()) co_return Result<void>();
  const auto tail_sent = co_await upstream_->write(unsent_[2], std::string_view(), limit);
  if (!tail_sent) co_return tail_sent.error();
  unsent_[2].remove_prefix(*tail_sent);
  co_return Result<void>();
}

/// Reads heads until the final one; interim answers go to the client as they come.
net::Awaitable<Result<void>> Exchange::read_response_head() {
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
      http::append_interim_head(response_, interim);
      interim_sent_ = true;
      if (!co_await client_.write(interim)) {
        co_return Error{Errc::kCancelled, Side::kClient, "the client took no interim response"};
      }
    }
    // The interim answer may be what stopped the sending; more of the endpoint's bytes come first.
    // A failure here is the next read's too.
    if (!all_sent() && upstream_->input().empty()) co_await send_rest();
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
  std::string text;
  text.reserve(head_text_.size() + 512);
  http::append_response_head(response_, forwarding, text);
  return text;
}

/// `whole`: the endpoint took all of the request, so that another one may follow it.
net::Awaitable<void> Exchange::relay_response(const fleet::EndpointView& view, bool whole) {
  RelayOptions options;
  options.plan = plan_body(response_.framing, client_.head().minor_version);
  options.gap_limit = services_.config.proxy.read_timeout;
  const std::vector<http::Field> headers = fields_of(view.endpoint->config.headers);
  options.endpoint_headers = headers;
  const auto type = http::find_field(response_.fields, "content-type");
  options.event_stream = type && http::istarts_with(*type, "text/event-stream");
  const bool time_trailer =
      options.plan.framing == http::Framing::kChunked && client_.head().takes_trailers;
  if (time_trailer) options.time_trailer_since = client_.request_start();
  keep_client_ =
      keep_client_ && !client_.is_draining() && options.plan.framing != http::Framing::kUntilClose;

  entry_.status = response_.status;
  std::string text = response_head_text(view, options.plan, time_trailer);
  // No retry from here on: the prompt need not be held for as long as the answer takes.
  client_.body() = ByteBuffer();
  Relay relay(*upstream_, client_, response_, options);
  const Relay::End end = co_await relay.run(std::move(text));
  if (end == Relay::End::kUpstreamBroke && !relay.head_sent()) {
    co_await answer(
        make_error(502, "bad_endpoint_response", "The endpoint's answer could not be understood."),
        "malformed answer");
    co_return;
  }
  if (relay.head_sent())
    entry_.ttfb_ms = milliseconds(relay.head_sent_at() - client_.request_start());
  entry_.usage = relay.usage();
  if (end == Relay::End::kComplete) {
    const bool reusable = whole && response_.keep_alive && upstream_->input().empty();
    if (reusable) services_.pool.give(view.endpoint->id, std::move(upstream_));
    co_return;
  }
  keep_client_ = false;
  if (end == Relay::End::kUpstreamBroke) {
    entry_.error = "the endpoint broke off";
    services_.suspect(view.endpoint->id);
    services_.logger.warn("endpoint broke off in mid-answer",
                          {{"endpoint", view.endpoint->config.name},
                           {"request_id", entry_.request_id},
                           {"error", relay.error()}});
  } else {
    if (entry_.error.empty()) {
      entry_.error = client_.client_left() ? "the client left" : "the client took no more bytes";
    }
    client_.close();
  }
}

}  // namespace olla::proxy
