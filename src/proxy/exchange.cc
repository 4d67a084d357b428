#include "proxy/exchange.h"

#include "base/milliseconds.h"
#include "proxy/accounting.h"
#include "proxy/answer.h"
#include "proxy/messages_route.h"
#include "proxy/refusals.h"
#include "vllm/errors.h"
#include "vllm/routes.h"

namespace olla::proxy {
namespace {

/// Whether a status says that the endpoint itself is broken. 503 says that it is busy, 501 that it
/// was asked for something that it never does.
bool tells_of_a_fault(int status) {
  return status == 500 || status == 502 || status == 504;
}

}  // namespace

Exchange::Exchange(Services& services, net::ServerConnection& client, Destination destination,
                   log::AccessEntry& entry, const Caller& caller)
    : request_{services, client, std::move(destination), entry, caller},
      chooser_(services, request_.destination),
      places_(request_, chooser_),
      deaths_(services) {
  request_.chooser = &chooser_;
}

void Exchange::on_client_left() {
  if (attempt_) attempt_->abort();
  places_.end();
  deaths_.end();
  request_.client.close();
}

void Exchange::cut() {
  request_.entry.error = "cut at shutdown";
  request_.entry.ending = log::Ending::kBroken;
  if (attempt_) attempt_->abort();
  places_.end();
  deaths_.end();
  request_.client.close(/*reset=*/true);
}

/// An endpoint whose checks get no answer may have been frozen with the request, or lost its cable:
/// nobody will say so on the connection.
void Exchange::on_snapshot() {
  const fleet::Endpoint& endpoint = *attempt_->view().endpoint;
  const fleet::EndpointView& now = request_.services.snapshot->endpoints[endpoint.id.value()];
  // One that answers its checks with an error may well finish what it has.
  if (now.status(Clock::now()) != fleet::Status::kOffline) return;
  // The budget is not asked: it keeps a fleet from doing work twice, and this endpoint does none.
  // Many that come off it at once would be refused for want of it, who could as well stay.
  if (moves_to_ || request_.services.config.proxy.retry.budget_percent == 0 ||
      verdict(attempt_->facts(TryEnd::kOut)) != Verdict::kElsewhere)
    return;
  // Booked now, so that of all that wait there only those leave that find room. While nobody else
  // can take it, the endpoint may as well come back to life.
  moves_to_ = places_.take_another();
  if (moves_to_) attempt_->abandon();
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
    own.code = "body_not_an_object";
    co_await answer(std::move(own), "the body is not a JSON object");
  } else {
    const config::Proxy& rules = request_.services.config.proxy;
    request_.deadline = client.request_start() + rules.response_timeout;
    repeatable_ = is_repeatable(rules.retry, client.head().method, request_.destination.path);
    request_.services.shared.retry_budget.note_request(request_.came);
    chooser_.begin(request_.facts, client.body().view());
    chooser_.join_session(client.head(), client.body().view(), client.client_address());
    co_await try_endpoints();
  }
  client.unwatch();
  attempt_.reset();
  entry.bytes = client.bytes_written() - written_before;
  if (!client.is_open()) {
    request_.keep_client = false;
    if (entry.status == 0) entry.status = log::kClientLeft;
    if (entry.error.empty() && client.client_left()) entry.error = "the client left";
    if (client.client_left() && entry.ending == log::Ending::kWhole)
      entry.ending = log::Ending::kLeft;
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
  chooser_.append_fields(own.extra_fields);
  const bool sent = co_await send_answer(client, own, entry.request_id, request_.keep_client);
  request_.keep_client = request_.keep_client && sent;
}

net::Awaitable<void> Exchange::refuse(int status, std::string_view code, std::string_view message,
                                      std::string_view error) {
  OwnAnswer own = error_answer(request_, status, code, message);
  co_await answer(std::move(own), error);
}

net::Awaitable<void> Exchange::answer_no_place(const Place& place) {
  if (place.lack == Place::Lack::kEnded) co_return;
  request_.entry.endpoint.clear();
  Refused refused = no_place_answer(request_, place);
  co_await answer(std::move(refused.answer), refused.log);
}

net::Awaitable<void> Exchange::try_endpoints() {
  for (;;) {
    // Holds the snapshot, since a new one may be published while this request runs.
    Place place;
    if (moves_to_) place = std::move(*moves_to_);
    moves_to_.reset();
    if (place.pick.view == nullptr) place = co_await places_.find();
    if (place.pick.view == nullptr) {
      co_await answer_no_place(place);
      co_return;
    }
    seat_ = std::move(place.seat);
    chooser_.note_tried(place.pick.view->endpoint->id);
    const Next next = co_await try_endpoint(place.pick);
    attempt_.reset();  // It refers to the snapshot.
    seat_.release();
    if (next == Next::kOver) co_return;
  }
}

net::Awaitable<Exchange::Next> Exchange::try_endpoint(const routing::Pick& pick) {
  log::AccessEntry& entry = request_.entry;
  entry.endpoint = pick.view->endpoint->config.name;
  entry.endpoint_id = pick.view->endpoint->id;
  entry.served_model = pick.model.value_or(std::string_view());
  entry.fallback = chooser_.decision().decision == "fallback";
  ++entry.tries;
  if (chooser_.follows_session()) ++entry.sticky_tries;
  attempt_.emplace(request_, pick);
  auto refusal = attempt_->adapt();
  if (refusal) {
    entry.endpoint.clear();
    OwnAnswer own{400, std::move(*refusal)};
    own.code = "parameter_not_supported";
    co_await answer(std::move(own), "a parameter that cannot be translated");
    co_return Next::kOver;
  }
  request_.services.snapshot_listeners.push_back(*this);
  TryEnd end = co_await attempt_->ask();
  if (end == TryEnd::kAnswered && attempt_->may_mean_more())
    end = co_await attempt_->look_into_answer();
  SnapshotListener::unlink();
  // The answer may have come in the very moment in which the request was taken away.
  if (end == TryEnd::kAnswered && moves_to_) end = TryEnd::kOut;
  if (end != TryEnd::kAnswered) co_return co_await after_failure(end, attempt_->why());
  const bool faulty = attempt_->meaning() == vllm::Meaning::kAnswer &&
                      tells_of_a_fault(attempt_->response().status);
  if (faulty) note_fault();
  if (means_elsewhere()) {
    if (faulty) {
      request_.services.recorder.note_failed_try(attempt_->view().endpoint->id,
                                                 counted_model(entry, attempt_->view()));
    } else {
      seat_.booking().note_success();  // It is there and in its senses.
    }
    attempt_->drop_answer();
    co_return Next::kElsewhere;
  }
  if (!faulty) seat_.booking().note_begun();
  co_return co_await deliver();
}

/// Whether the request should go elsewhere by what the answer says of its server, and can.
bool Exchange::means_elsewhere() {
  Findings& findings = request_.services.findings;
  const EndpointId id = attempt_->view().endpoint->id;
  const vllm::Meaning meaning = attempt_->meaning();
  if (meaning == vllm::Meaning::kDraining) findings.drains(id);
  if (meaning == vllm::Meaning::kNoSuchRoute)
    findings.misses_route(id, std::string(vllm::route_name(request_.destination.path)));
  if (verdict(attempt_->facts(TryEnd::kAnswered)) != Verdict::kElsewhere) return false;
  if (chooser_.another_can()) return take_retry();
  // A client of a server that drains is told that it is worth a retry, which the 500 does not say.
  return meaning == vllm::Meaning::kDraining && (!places_.may_wait() || take_retry());
}

Verdict Exchange::verdict(const TryFacts& facts) const {
  RetryState state;
  state.repeatable = repeatable_;
  state.client_saw_something = request_.interim_sent;
  state.tries = request_.entry.tries;
  state.deaths = deaths_.count();
  return after_try(request_.services.config.proxy.retry, state, facts);
}

/// The same, once it is known whether the endpoint died.
net::Awaitable<Verdict> Exchange::verdict_on(const TryFacts& facts) {
  const Verdict first = verdict(facts);
  // Of one that is tried no more only the second death is of interest.
  if (first != Verdict::kElsewhere && !deaths_.has_suspects()) co_return first;
  if (attempt_->refused_afterwards()) {
    deaths_.note_refused(attempt_->view());
  } else if (facts.end == TryEnd::kClosed) {
    co_await deaths_.note_closed(attempt_->view());
  }
  co_return verdict(facts);
}

/// On all endpoints, or on the way to one.
std::uint64_t Exchange::in_flight() const {
  std::uint64_t sum = request_.services.shared.queue.waiting();
  for (const fleet::EndpointView& view : request_.services.snapshot->endpoints)
    sum += view.live->in_flight.load(std::memory_order_relaxed);
  return sum;
}

bool Exchange::take_retry() {
  const std::uint32_t percent = request_.services.config.proxy.retry.budget_percent;
  return request_.services.shared.retry_budget.take(Clock::now(), percent, in_flight());
}

/// Decides what a failure before the answer means.
net::Awaitable<Exchange::Next> Exchange::after_failure(TryEnd end, std::string_view why) {
  if (end == TryEnd::kCancelled) {
    request_.client.close();
    co_return Next::kOver;
  }
  if (!attempt_->lacked_means()) note_fault();
  note_broken("endpoint failed", why);
  const TryFacts facts = attempt_->facts(end);
  const Verdict verdict = co_await verdict_on(facts);
  if (!request_.client.is_open()) co_return Next::kOver;  // Left meanwhile.
  if (verdict == Verdict::kKillsEndpoint) {
    co_await refuse(502, "request_kills_endpoint",
                    "Two endpoints died while they had this request. It is not tried again.",
                    "the request kills endpoints");
    co_return Next::kOver;
  }
  if (Clock::now() >= request_.deadline) {
    co_await answer_failure(TryEnd::kSilent);
    co_return Next::kOver;
  }
  // With nobody else and no queue the request hears that there is no endpoint.
  const bool may_run_again = places_.may_wait() || chooser_.another_can();
  if (verdict == Verdict::kElsewhere && (moves_to_ || !may_run_again || take_retry()))
    co_return Next::kElsewhere;
  co_await answer_failure(end);
  co_return Next::kOver;
}

/// Tells the client how the endpoint failed.
net::Awaitable<void> Exchange::answer_failure(TryEnd end) {
  switch (end) {
    case TryEnd::kUnreached:
      co_await refuse(502, "endpoint_unreachable", "The endpoint could not be reached.",
                      "the endpoint was not reached");
      break;
    case TryEnd::kClosed:
    case TryEnd::kOut:
      co_await refuse(502, "endpoint_closed",
                      "The endpoint closed the connection before it answered.",
                      "the endpoint broke off");
      break;
    case TryEnd::kSilent:
      co_await refuse(504, "endpoint_timeout",
                      "The endpoint did not answer within the time allowed.",
                      "the endpoint was silent");
      break;
    default:
      co_await refuse(502, "bad_endpoint_response",
                      "The endpoint's answer could not be understood.", "malformed answer");
  }
}

/// Tells the endpoint's breaker of a failure.
void Exchange::note_fault() {
  if (!seat_.booking().note_failure(Clock::now())) return;
  request_.services.logger.warn("breaker opened",
                                {{"endpoint", attempt_->view().endpoint->config.name},
                                 {"request_id", request_.entry.request_id}});
}

void Exchange::note_broken(std::string_view message, std::string_view why) {
  const fleet::Endpoint& endpoint = *attempt_->view().endpoint;
  request_.services.findings.failed(endpoint.id);
  request_.services.recorder.note_failed_try(endpoint.id,
                                             counted_model(request_.entry, attempt_->view()));
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
      seat_.booking().note_success();
      co_return Next::kOver;
    case Delivery::End::kToldError:
      seat_.booking()
          .note_success();  // Of one request it says nothing certain; its checks will tell.
      note_broken("endpoint ended its answer with an error", delivery.why());
      entry.error = "the endpoint told an error";
      entry.ending = log::Ending::kBroken;
      co_return Next::kOver;
    case Delivery::End::kClientGone:
      request_.keep_client = false;
      if (entry.ending == log::Ending::kWhole) entry.ending = log::Ending::kLeft;
      if (entry.error.empty()) {
        entry.error =
            request_.client.client_left() ? "the client left" : "the client took no more bytes";
      }
      request_.client.close();
      co_return Next::kOver;
    case Delivery::End::kBroke:
      note_fault();
      note_broken("endpoint broke off in mid-answer", delivery.why());
      entry.error = delivery.timed_out() ? "the endpoint fell silent" : "the endpoint broke off";
      entry.ending = log::Ending::kBroken;
      request_.keep_client = false;
      co_return Next::kOver;
    case Delivery::End::kUnusable:
      break;
  }
  co_return co_await after_failure(delivery.failure(), delivery.why());
}

}  // namespace olla::proxy
