#include "proxy/exchange.h"

#include "proxy/answer.h"
#include "proxy/messages_route.h"
#include "proxy/refusals.h"
#include "vllm/errors.h"
#include "vllm/routes.h"

namespace olla::proxy {
namespace {

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

/// Whether a status says that the endpoint itself is broken. 503 says that it is busy, 501 that it
/// was asked for something that it never does.
bool tells_of_a_fault(int status) {
  return status == 500 || status == 502 || status == 504;
}

}  // namespace

Exchange::Exchange(Services& services, net::ServerConnection& client, Destination destination,
                   log::AccessEntry& entry, const Caller& caller)
    : request_{services, client, std::move(destination), entry, caller},
      chooser_(services, request_.destination) {}

void Exchange::on_client_left() {
  if (attempt_) attempt_->abort();
  request_.client.close();
}

void Exchange::cut() {
  request_.entry.error = "cut at shutdown";
  if (attempt_) attempt_->abort();
  request_.client.close(/*reset=*/true);
}

net::Awaitable<bool> Exchange::run() {
  net::ServerConnection& client = request_.client;
  log::AccessEntry& entry = request_.entry;
  request_.facts = openai::inspect_request(client.body().view());
  entry.model = request_.facts.model;
  request_.keep_client = client.head().keep_alive;
  const std::uint64_t written_before = client.bytes_written();
  client.watch(*this);
  std::optional<Refused> refused;
  if (request_.destination.provider.is_messages()) refused = refuse_message(request_);
  if (refused) {
    co_await answer(std::move(refused->answer), refused->log);
  } else if (request_.facts.kind != openai::BodyKind::kObject &&
             vllm::takes_json_object(client.head().method, request_.destination.path)) {
    OwnAnswer own{400, vllm::not_an_object_error(request_.facts, client.body().view())};
    co_await answer(std::move(own), "the body is not a JSON object");
  } else {
    chooser_.begin(request_.facts, client.body().view());
    co_await try_endpoints();
  }
  client.unwatch();
  attempt_.reset();
  entry.bytes = client.bytes_written() - written_before;
  if (!client.is_open()) {
    request_.keep_client = false;
    if (entry.status == 0) entry.status = log::kClientLeft;
    if (entry.error.empty() && client.client_left()) entry.error = "the client left";
  }
  co_return request_.keep_client;
}

/// Answers from the gateway itself. The connection survives: the request was read to its end.
net::Awaitable<void> Exchange::answer(OwnAnswer own, std::string_view error) {
  net::ServerConnection& client = request_.client;
  log::AccessEntry& entry = request_.entry;
  entry.status = own.status;
  entry.error = error;
  entry.refusal = own.code;
  entry.ttfb_ms = milliseconds(Clock::now() - client.request_start());
  request_.keep_client = request_.keep_client && !client.is_draining();
  own.extra_fields += request_.caller.answer_fields;
  const bool sent = co_await send_answer(client, own, entry.request_id, request_.keep_client);
  request_.keep_client = request_.keep_client && sent;
}

net::Awaitable<void> Exchange::refuse(int status, std::string_view code, std::string_view message,
                                      std::string_view error) {
  OwnAnswer own = error_answer(request_, status, code, message);
  co_await answer(std::move(own), error);
}

net::Awaitable<void> Exchange::answer_no_endpoint(const routing::Pick& pick) {
  request_.entry.endpoint.clear();
  if (pick.reason == routing::NoPick::kUnknownModel) request_.services.findings.models_in_doubt();
  Refused refused = no_endpoint_answer(request_, pick.reason);
  co_await answer(std::move(refused.answer), refused.log);
}

net::Awaitable<void> Exchange::try_endpoints() {
  for (;;) {
    // Held here, since a new snapshot may be published while this request runs.
    const std::shared_ptr<const fleet::Snapshot> snapshot = request_.services.snapshot;
    Chooser::Chosen chosen = chooser_.choose(*snapshot);
    if (chosen.pick.view == nullptr) {
      co_await answer_no_endpoint(chosen.pick);
      co_return;
    }
    booking_ = std::move(chosen.booking);
    chooser_.note_tried(chosen.pick.view->endpoint->id);
    const Next next = co_await try_endpoint(chosen.pick);
    attempt_.reset();  // It refers to the snapshot.
    booking_ = {};
    if (next == Next::kOver) co_return;
  }
}

net::Awaitable<Exchange::Next> Exchange::try_endpoint(const routing::Pick& pick) {
  log::AccessEntry& entry = request_.entry;
  entry.endpoint = pick.view->endpoint->config.name;
  entry.endpoint_id = pick.view->endpoint->id;
  ++entry.tries;
  attempt_.emplace(request_, pick);
  auto refusal = attempt_->adapt();
  if (refusal) {
    entry.endpoint.clear();
    OwnAnswer own{400, std::move(*refusal)};
    co_await answer(std::move(own), "a parameter that cannot be translated");
    co_return Next::kOver;
  }
  TryEnd end = co_await attempt_->ask();
  if (end == TryEnd::kAnswered) end = co_await attempt_->look_into_answer();
  if (end != TryEnd::kAnswered) co_return co_await after_failure(end, attempt_->why());
  if (means_elsewhere()) {
    booking_.note_success();  // It is there and in its senses.
    attempt_->drop_answer();
    co_return Next::kElsewhere;
  }
  if (tells_of_a_fault(attempt_->response().status)) {
    booking_.note_failure(Clock::now());
  } else {
    booking_.note_begun();
  }
  co_return co_await deliver();
}

/// Whether the request should go elsewhere by what the answer says of its server, and can.
bool Exchange::means_elsewhere() {
  Findings& findings = request_.services.findings;
  const EndpointId id = attempt_->view().endpoint->id;
  switch (attempt_->meaning()) {
    case vllm::Meaning::kDraining:
      findings.drains(id);
      return true;  // Also with nobody else: the client is told that it is worth a retry.
    case vllm::Meaning::kNoSuchRoute:
      findings.misses_route(id, std::string(vllm::route_name(request_.destination.path)));
      return chooser_.another_can();
    case vllm::Meaning::kBusy:
      return chooser_.another_can();
    default:
      return false;
  }
}

/// Decides what a failure before the answer means.
net::Awaitable<Exchange::Next> Exchange::after_failure(TryEnd end, std::string_view why) {
  if (end == TryEnd::kCancelled) {
    request_.client.close();
    co_return Next::kOver;
  }
  if (!attempt_->lacked_means()) booking_.note_failure(Clock::now());
  note_broken("endpoint failed", why);
  switch (end) {
    case TryEnd::kUnreached:
    case TryEnd::kClosed:
      if (!request_.interim_sent) co_return Next::kElsewhere;
      // The client has seen a byte of this endpoint's.
      co_await refuse(502, "endpoint_closed",
                      "The endpoint closed the connection before it answered.",
                      "the endpoint broke off");
      co_return Next::kOver;
    case TryEnd::kSilent:
      // The endpoint has the request and may still be working on it: asking another one would pay
      // for the same generation twice.
      co_await refuse(504, "endpoint_timeout",
                      "The endpoint did not answer within the time allowed.",
                      "the endpoint was silent");
      co_return Next::kOver;
    default:
      co_await refuse(502, "bad_endpoint_response",
                      "The endpoint's answer could not be understood.", "malformed answer");
      co_return Next::kOver;
  }
}

void Exchange::note_broken(std::string_view message, std::string_view why) {
  const fleet::Endpoint& endpoint = *attempt_->view().endpoint;
  request_.services.findings.failed(endpoint.id);
  request_.services.logger.warn(message, {{"endpoint", endpoint.config.name},
                                          {"request_id", request_.entry.request_id},
                                          {"error", why}});
}

/// Brings the answer to the client, and tells the fleet and the log how that ended.
net::Awaitable<Exchange::Next> Exchange::deliver() {
  log::AccessEntry& entry = request_.entry;
  Delivery delivery(request_, *attempt_);
  const Delivery::End end = co_await delivery.run();
  switch (end) {
    case Delivery::End::kComplete:
      booking_.note_success();
      co_return Next::kOver;
    case Delivery::End::kToldError:
      booking_.note_success();  // Of one request it says nothing certain; its checks will tell.
      note_broken("endpoint ended its answer with an error", delivery.why());
      entry.error = "the endpoint told an error";
      co_return Next::kOver;
    case Delivery::End::kClientGone:
      request_.keep_client = false;
      if (entry.error.empty()) {
        entry.error =
            request_.client.client_left() ? "the client left" : "the client took no more bytes";
      }
      request_.client.close();
      co_return Next::kOver;
    case Delivery::End::kBroke:
      booking_.note_failure(Clock::now());
      note_broken("endpoint broke off in mid-answer", delivery.why());
      entry.error = delivery.timed_out() ? "the endpoint fell silent" : "the endpoint broke off";
      request_.keep_client = false;
      co_return Next::kOver;
    case Delivery::End::kUnusable:
      break;
  }
  co_return co_await after_failure(delivery.failure(), delivery.why());
}

}  // namespace olla::proxy
