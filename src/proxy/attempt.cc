#include "proxy/attempt.h"

#include <algorithm>

#include "http/forward.h"
#include "net/read_body.h"
#include "openai/splice.h"

namespace olla::proxy {
namespace {

// An answer's head: uvicorn sends under 300 bytes; an embedding server may put metadata of many
// inputs into one header.
constexpr http::HeadLimits kResponseHead{.bytes = 256 * 1024, .fields = 300};

/// A server whose version is not known is taken for the newest.
vllm::Version version_of(const fleet::EndpointView& view) {
  return view.vllm_version.value_or(vllm::kNewestVersion);
}

}  // namespace

Attempt::Attempt(ProxiedRequest& request, const routing::Pick& pick)
    : request_(request), services_(request.services), view_(*pick.view), model_(pick.model) {}

void Attempt::abort() {
  if (upstream_) upstream_->abort();
}

void Attempt::abandon() {
  out_ = true;
  abort();
}

/// vLLM that is told to stop leaves its clients without an end and without an error: the connection
/// stays open and silent. Its port tells.
bool Attempt::is_gone() {
  const bool gone = services_.snapshot->endpoints[view_.endpoint->id.value()].refuses;
  if (gone && waiting_) out_ = true;
  return gone;
}

std::optional<std::string> Attempt::adapt() {
  const std::string_view body = request_.client.body().view();
  std::optional<std::string> renamed;
  if (model_) renamed = openai::with_model(body, *model_);
  // By the keys that were seen when the model was looked for: nearly no request needs a second
  // scan.
  if (view_.is_vllm() && services_.config.vllm.translate_parameters &&
      vllm::may_need_translation(request_.facts.keys)) {
    translation_ = vllm::translate(request_.destination.path,
                                   renamed ? std::string_view(*renamed) : body, version_of(view_));
  }
  if (renamed && !translation_.body) translation_.body = std::move(renamed);
  return std::move(translation_.refusal);
}

net::Awaitable<TryEnd> Attempt::ask() {
  TryEnd end = co_await ask_on(/*may_reuse=*/true);
  // The endpoint closed an idle connection while the request was on its way: it has seen nothing.
  const bool was_idle = reused_ && !request_.interim_sent && upstream_->input().empty();
  if (end == TryEnd::kClosed && was_idle) {
    end = co_await ask_on(/*may_reuse=*/false);
    // Or it has seen the request, and died of it.
    refused_afterwards_ = end == TryEnd::kUnreached;
  }
  waiting_ = false;
  co_return end;
}

/// Asks on a pooled connection, if there may be one, or on a fresh one.
net::Awaitable<TryEnd> Attempt::ask_on(bool may_reuse) {
  upstream_ = may_reuse ? services_.pool.take(view_.endpoint->id) : nullptr;
  reused_ = upstream_ != nullptr;
  began_ = false;
  const config::Proxy& limits = services_.config.proxy;
  if (!reused_) {
    upstream_ = std::make_unique<net::UpstreamConnection>(services_.io, services_.deadlines);
    const Duration limit =
        std::min<Duration>(limits.connection_timeout, request_.deadline - Clock::now());
    const auto connected = co_await upstream_->connect(view_.addresses, limit);
    if (!connected) {
      const TryEnd end = failed(connected.error());
      // Nothing was sent yet: a silent host is no different from one that refuses.
      co_return end == TryEnd::kSilent ? TryEnd::kUnreached : end;
    }
    upstream_->keep_alive(limits.connection_keep_alive);
  }
  upstream_->judge_silence(this);
  const std::string_view body =
      translation_.body ? std::string_view(*translation_.body) : request_.client.body().view();
  OutgoingRequest::Parts parts{request_.destination, body, request_.entry.request_id,
                               request_.entry.client, model_for_header(request_.facts)};
  parts.reads_answer = translation_.best_of.has_value() || request_.chooser->renames_answer();
  outgoing_.make(request_.client, view_, parts, services_.spare_head);
  began_ = true;
  const auto sent = co_await outgoing_.send(*upstream_, limits.read_timeout);
  outgoing_.give_back(services_.spare_head);
  // An endpoint may answer before it has read the whole body, and then close or read no more: look
  // for that answer also when not all was sent.
  const auto got = co_await read_response_head();
  if (got) co_return TryEnd::kAnswered;
  const bool silent = got.error().code == Errc::kTimeout;
  co_return failed(sent || silent ? got.error() : sent.error());
}

TryEnd Attempt::failed(const Error& error) {
  why_ = error.detail;
  lacked_means_ = error.side == Side::kGateway;
  if (request_.client.client_left()) return TryEnd::kCancelled;
  if (out_) return TryEnd::kOut;
  switch (error.code) {
    case Errc::kRefused:
      return TryEnd::kUnreached;
    case Errc::kClosed:
      return TryEnd::kClosed;
    case Errc::kTimeout:
      return TryEnd::kSilent;
    case Errc::kCancelled:
      return TryEnd::kCancelled;
    default:
      return TryEnd::kGarbled;
  }
}

/// Reads heads until the final one; interim answers go to the client as they come.
net::Awaitable<Result<void>> Attempt::read_response_head() {
  const TimePoint end = std::min<TimePoint>(
      Clock::now() + services_.config.proxy.response_header_timeout, request_.deadline);
  net::ServerConnection& client = request_.client;
  for (;;) {
    const auto got = co_await read_one_head(end);
    if (!got) co_return got.error();
    if (response_.status >= 200) co_return Result<void>();
    if (response_.status == 101) {
      co_return Error{Errc::kMalformed, Side::kUpstream, "the endpoint switched protocols unasked"};
    }
    // 100 Continue was this gateway's own to give, before it read the body.
    if (response_.status != 100 && client.head().minor_version != 0) {
      std::string interim;
      const std::vector<http::Field> headers = fields_of(view_.endpoint->config.headers);
      http::append_interim_head(response_, headers, interim);
      request_.interim_sent = true;
      if (!co_await client.write(interim)) {
        co_return Error{Errc::kCancelled, Side::kClient, "the client took no interim response"};
      }
    }
    // The interim answer may be what stopped the sending; more of the endpoint's bytes come first.
    // A failure here is the next read's too.
    if (!outgoing_.all_sent() && upstream_->input().empty())
      co_await outgoing_.send(*upstream_, services_.config.proxy.read_timeout);
  }
}

net::Awaitable<Result<void>> Attempt::read_one_head(TimePoint end) {
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
  const auto refusal = http::parse_response_head(head_text_, kResponseHead.fields,
                                                 request_.client.head().method, response_);
  if (refusal) co_return Error{Errc::kMalformed, Side::kUpstream, std::string(refusal->message)};
  co_return Result<void>();
}

bool Attempt::may_mean_more() const {
  return view_.is_vllm() && !request_.interim_sent && response_.framing == http::Framing::kLength &&
         vllm::may_mean_more(response_.status, request_.destination.path, response_.content_length,
                             version_of(view_));
}

net::Awaitable<TryEnd> Attempt::look_into_answer() {
  const Duration gap = services_.config.proxy.read_timeout;
  const net::BodyPatience patience{.gap = gap, .end = Clock::now() + gap};
  const auto got = co_await net::await_sized_body(*upstream_, response_.content_length, patience);
  if (!got) co_return failed(got.error());
  looked_into_ = true;
  meaning_ = vllm::meaning_of(response_.status,
                              upstream_->input().view().substr(0, response_.content_length));
  co_return TryEnd::kAnswered;
}

TryFacts Attempt::facts(TryEnd end) const {
  TryFacts facts;
  facts.end = end;
  facts.all_sent = began_ && outgoing_.all_sent();
  if (end != TryEnd::kAnswered) return facts;
  facts.status = response_.status;
  facts.has_retry_after = http::find_field(response_.fields, "retry-after").has_value();
  facts.not_taken = meaning_ != vllm::Meaning::kAnswer;
  return facts;
}

void Attempt::drop_answer() {
  if (!looked_into_) return abort();
  upstream_->input().consume(response_.content_length);
  reuse_connection();
}

void Attempt::reuse_connection() {
  if (!outgoing_.all_sent() || !response_.keep_alive || !upstream_->input().empty()) return;
  upstream_->judge_silence(nullptr);
  services_.pool.give(view_.endpoint->id, std::move(upstream_));
}

}  // namespace olla::proxy
