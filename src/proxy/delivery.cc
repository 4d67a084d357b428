#include "proxy/delivery.h"

#include "base/milliseconds.h"
#include "http/forward.h"
#include "net/read_body.h"
#include "openai/model_rewriter.h"
#include "proxy/accounting.h"
#include "proxy/answer.h"
#include "vllm/errors.h"
#include "vllm/messages_error.h"

namespace olla::proxy {
namespace {

// The answers of best_of: 20 times the longest text of a model with a million tokens of context.
constexpr std::size_t kBestOfBytesMax = 64 * 1024 * 1024;

// vLLM's refusals are under 1 KB; those of a faulty schema repeat some of it.
constexpr std::size_t kRefusalBytesMax = 64 * 1024;

/// Whether an answer is sent as it is: what the gateway puts into a compressed one would be
/// garbage.
bool is_uncoded(const http::ResponseHead& head) {
  const auto coding = http::find_field(head.fields, "content-encoding");
  return !coding || http::iequals(*coding, "identity");
}

bool has_type(const http::ResponseHead& head, std::string_view wanted) {
  const auto type = http::find_field(head.fields, "content-type");
  return type && http::istarts_with(*type, wanted);
}

bool is_plain(const http::ResponseHead& head, std::string_view wanted_type) {
  return has_type(head, wanted_type) && is_uncoded(head);
}

void drop_field(http::ResponseHead& head, std::string_view name) {
  std::erase_if(head.fields,
                [name](const http::Field& field) { return http::iequals(field.name, name); });
}

}  // namespace

net::Awaitable<Delivery::End> Delivery::run() {
  const std::optional<Rewriting> rewriting = needed_rewriting();
  return rewriting ? rewrite(*rewriting) : relay();
}

void Delivery::on_response_id(std::string_view id) {
  request_.services.shared.response_owners.remember(id, attempt_.view().endpoint->id);
}

std::string Delivery::head_text(const BodyPlan& plan, bool time_trailer) const {
  const config::Endpoint& endpoint = attempt_.view().endpoint->config;
  const std::vector<http::Field> headers = fields_of(endpoint.headers);
  http::ResponseForwarding forwarding;
  forwarding.endpoint = endpoint.name;
  forwarding.model = model_for_header(request_.facts);
  forwarding.backend_type = attempt_.view().profile->name;
  forwarding.response_time_ms =
      static_cast<std::uint64_t>(milliseconds(Clock::now() - request_.client.request_start()));
  forwarding.request_id = request_.entry.request_id;
  forwarding.endpoint_headers = headers;
  forwarding.framing = plan.framing;
  forwarding.client_minor_version = request_.client.head().minor_version;
  forwarding.keep_alive = request_.keep_client;
  forwarding.announce_time_trailer = time_trailer;
  forwarding.translated = attempt_.translation().note;
  if (request_.destination.provider.is_messages()) forwarding.mode = "passthrough";
  forwarding.answer_fields = request_.caller.answer_fields;
  const limits::Gate& gate = request_.services.shared.gate;
  forwarding.replaces_cors = gate.cors.enabled();
  forwarding.replaces_rate_limits = gate.rates.enabled();
  std::string chosen;
  request_.chooser->append_fields(chosen);
  if (tells_request_id_) chosen.append("request-id: ").append(forwarding.request_id).append("\r\n");
  forwarding.extra_fields = chosen;
  std::string text;
  http::append_response_head(attempt_.response(), forwarding, text);
  return text;
}

net::Awaitable<Delivery::End> Delivery::relay() {
  net::ServerConnection& client = request_.client;
  log::AccessEntry& entry = request_.entry;
  const http::ResponseHead& response = attempt_.response();
  const std::string& path = request_.destination.path;
  const std::vector<http::Field> endpoint_headers =
      fields_of(attempt_.view().endpoint->config.headers);
  RelayOptions options;
  options.endpoint_headers = endpoint_headers;
  options.plan = plan_body(response.framing, client.head().minor_version);
  options.gap_limit = request_.services.config.proxy.read_timeout;
  options.event_stream = is_plain(response, "text/event-stream");
  std::optional<openai::ModelRewriter> rewriter;
  if (request_.chooser->renames_answer() &&
      (options.event_stream || is_plain(response, "application/json"))) {
    rewriter.emplace(*request_.facts.model, options.event_stream);
    options.rewriter = &*rewriter;
    options.plan = plan_rewritten_body(response.framing, client.head().minor_version);
  }
  options.error_shape = request_.destination.error_shape();
  if (path == "/v1/responses" && response.status == 200) options.response_ids = this;
  entry.event_stream = options.event_stream;
  if (entry.event_stream) {
    options.gaps = &request_.services.recorder.gaps(attempt_.view().endpoint->id,
                                                    counted_model(entry, attempt_.view()));
  }
  const bool time_trailer =
      options.plan.framing == http::Framing::kChunked && client.head().takes_trailers;
  if (time_trailer) options.time_trailer_since = client.request_start();
  request_.keep_client = request_.keep_client && !client.is_draining() &&
                         options.plan.framing != http::Framing::kUntilClose;

  entry.status = response.status;
  std::string text = head_text(options.plan, time_trailer);
  const bool whole = attempt_.all_sent();
  // No retry from here on: the prompt need not be held for as long as the answer takes. What of it
  // was not sent yet never will be.
  client.body() = ByteBuffer();
  attempt_.translation().body.reset();
  Relay relay(attempt_.upstream(), client, response, options);
  const Relay::End end = co_await relay.run(std::move(text));
  if (relay.head_sent())
    entry.ttfb_ms = milliseconds(relay.head_sent_at() - client.request_start());
  if (relay.first_piece_at())
    entry.first_token_ms = milliseconds(*relay.first_piece_at() - client.request_start());
  entry.usage = relay.usage();
  if (end == Relay::End::kClientGone) co_return End::kClientGone;
  if (end == Relay::End::kComplete) {
    if (whole) attempt_.reuse_connection();
    if (!relay.told_error()) co_return End::kComplete;
    why_ = "an error event in the stream";
    co_return End::kToldError;
  }
  why_ = relay.error();
  timed_out_ = relay.timed_out();
  co_return relay.head_sent() ? End::kBroke : End::kUnusable;
}

/// Whether the answer is not for the client as it is: several answers to choose from, a refusal
/// that speaks of parameters which the client did not write, or an error that may be in a shape
/// which its API does not have.
std::optional<Delivery::Rewriting> Delivery::needed_rewriting() const {
  const vllm::Translation& translation = attempt_.translation();
  const http::ResponseHead& response = attempt_.response();
  if (translation.best_of && response.status == 200) return Rewriting::kBestOf;
  if (response.status == 400 && !translation.note.empty() &&
      response.framing == http::Framing::kLength && response.content_length <= kRefusalBytesMax)
    return Rewriting::kRefusal;
  if (request_.destination.provider.is_messages() && response.status >= 400 &&
      is_uncoded(response) && !has_type(response, "text/event-stream"))
    return Rewriting::kMessagesError;
  return std::nullopt;
}

/// The body for the client in place of the endpoint's.
std::string Delivery::made_anew(Rewriting rewriting, std::string body) {
  const vllm::Translation& translation = attempt_.translation();
  http::ResponseHead& response = attempt_.response();
  if (rewriting == Rewriting::kMessagesError) {
    const auto error = vllm::messages_error_of(response.status, body);
    if (!error) return body;
    tells_request_id_ = true;
    drop_field(response, "request-id");
    drop_field(response, "content-type");
    response.fields.push_back({"content-type", "application/json"});
    return with_request_id(*error, request_.entry.request_id);
  }
  std::string chosen = rewriting == Rewriting::kBestOf
                           ? vllm::choose_best(body, *translation.best_of)
                           : vllm::explain_refusal(body, translation.note);
  if (!request_.chooser->renames_answer()) return chosen;
  // The answer of best_of to a request for a stream is one, too.
  openai::ModelRewriter rewriter(*request_.facts.model, is_plain(response, "text/event-stream"));
  std::string renamed;
  rewriter.feed(chosen, renamed);
  return renamed;
}

/// Reads the whole answer, makes the client's out of it, and sends that.
net::Awaitable<Delivery::End> Delivery::rewrite(Rewriting rewriting) {
  net::ServerConnection& client = request_.client;
  log::AccessEntry& entry = request_.entry;
  http::ResponseHead& response = attempt_.response();
  const net::BodyPatience patience{.gap = request_.services.config.proxy.read_timeout,
                                   .end = TimePoint::max()};
  const bool is_error = rewriting == Rewriting::kMessagesError;
  const std::size_t bytes_max = is_error ? vllm::kErrorBytesMax : kBestOfBytesMax;
  auto body = co_await net::read_body(attempt_.upstream(), response, bytes_max, patience);
  const bool all_read = body.has_value();
  if (!all_read && is_error && body.error().code == Errc::kTooLarge) body = std::string();
  if (!body) {
    failure_ = attempt_.failed(body.error());
    why_ = attempt_.why();
    co_return failure_ == TryEnd::kCancelled ? End::kClientGone : End::kUnusable;
  }
  const std::string text = made_anew(rewriting, std::move(*body));
  if (all_read) attempt_.reuse_connection();
  openai::UsageScanner usage;
  usage.feed(text);
  entry.usage = usage.usage();
  entry.status = response.status;
  entry.ttfb_ms = milliseconds(Clock::now() - client.request_start());
  request_.keep_client = request_.keep_client && !client.is_draining();
  drop_field(response, "content-length");  // It is another one now.
  response.framing = http::Framing::kLength;
  response.content_length = text.size();
  const std::string head = head_text({.framing = http::Framing::kLength}, /*time_trailer=*/false);
  const bool written = co_await client.write(head, text);
  co_return written ? End::kComplete : End::kClientGone;
}

}  // namespace olla::proxy
