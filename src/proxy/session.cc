#include "proxy/session.h"

#include "base/milliseconds.h"
#include "http/forward.h"
#include "http/path.h"
#include "proxy/accounting.h"
#include "proxy/admin_routes.h"
#include "proxy/answer.h"
#include "proxy/fleet_answers.h"
#include "proxy/messages_route.h"
#include "proxy/route_rules.h"
#include "routing/provider.h"
#include "vllm/routes.h"

namespace olla::proxy {
namespace {

using Read = net::ServerConnection::Read;

constexpr std::string_view kUnknownRoute = "unknown_route";
constexpr std::string_view kUnknownProvider = "unknown_provider";

std::string new_request_id(Random& random) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string id(32, '0');
  for (std::size_t at = 0; at < id.size(); at += 16) {
    const std::uint64_t bits = random.next();
    for (std::size_t i = 0; i < 16; ++i)
      id[at + i] = kDigits[bits >> (60 - 4 * i) & 15];
  }
  return id;
}

/// The answer to a provider's prefix without the slash behind it, which Olla gives too: it keeps
/// the method.
OwnAnswer redirect_behind_slash(std::string_view target) {
  const std::string_view prefix = target.substr(0, target.find('?'));
  OwnAnswer own{307, {}};
  own.content_type = {};
  own.extra_fields =
      "Location: " + std::string(prefix) + "/" + std::string(target.substr(prefix.size())) + "\r\n";
  return own;
}

}  // namespace

Session::Session(Services& services, net::Socket socket)
    : services_(services),
      client_(std::make_shared<net::ServerConnection>(std::move(socket), services.deadlines,
                                                      services.connection_rules)),
      peer_(limits::peer_address(client_->client_address())) {}

void Session::cut() {
  if (exchange_ != nullptr) {
    exchange_->cut();
  } else {
    client_->close(/*reset=*/true);
  }
}

net::Awaitable<void> Session::run() {
  bool more = true;
  while (more)
    more = co_await serve_request();
  if (client_->is_open()) co_await client_->linger_and_close();
}

/// Serves one request; false when the connection ends with it.
net::Awaitable<bool> Session::serve_request() {
  Read read = co_await client_->read_head();
  const bool began = read == Read::kRequest;
  limits::Gate& gate = services_.shared.gate;
  if (read != Read::kClosed) caller_ = identify(gate, peer_, client_->head());
  std::optional<OwnAnswer> instead;
  if (began) instead = admit(gate, peer_, client_->head(), caller_);
  if (began && !instead) instead = refuse_large_message(services_.config, client_->head());
  const bool reads_body = !instead || is_worth_reading(client_->head());
  if (began && reads_body) read = co_await client_->read_body();
  if (read == Read::kClosed) {
    client_->close();
    if (began) {
      log::AccessEntry entry = begin_entry();
      entry.status = log::kClientLeft;
      entry.error = "the client left";
      entry.ending = log::Ending::kLeft;
      end_entry(entry);
    }
    co_return false;
  }
  if (read == Read::kRefused) {
    co_await refuse();
    co_return false;
  }
  log::AccessEntry entry = begin_entry();
  bool keep = false;
  if (instead) {
    // A preflight and a redirect are no requests, and what is asked of the gateway itself is none
    // for an endpoint.
    entry.own_document = instead->code.empty() || limits::is_guarded_internal_path(entry.path);
    keep = co_await answer_here(std::move(*instead), entry, reads_body);
  } else {
    keep = co_await route_request(entry);
  }
  end_entry(entry);
  co_return keep && client_->is_open();
}

log::AccessEntry Session::begin_entry() {
  const http::RequestHead& head = client_->head();
  log::AccessEntry entry;
  const auto given = http::client_request_id(head.fields);
  entry.request_id = given ? std::string(*given) : new_request_id(services_.random);
  entry.client = caller_.address.text;
  entry.method = head.method;
  // Without the query, and without the authority of an absolute form: they may hold secrets.
  const auto path = http::origin_form(head.target).value_or("*");
  entry.path = path.substr(0, path.find('?'));
  entry.bytes_in = client_->body().size();
  return entry;
}

void Session::end_entry(log::AccessEntry& entry) {
  const TimePoint now = Clock::now();
  entry.duration_ms = milliseconds(now - client_->request_start());
  if (services_.config.server.request_logging || log::went_wrong(entry)) {
    log::write_access(services_.logger, entry);
  }
  if (!entry.own_document) services_.recorder.record(record_of(entry, *services_.snapshot), now);
}

net::Awaitable<bool> Session::route_request(log::AccessEntry& entry) {
  const auto path = http::origin_form(client_->head().target);
  const auto route = path ? routing::match_route(*path, *services_.config.profiles) : std::nullopt;
  if (!route) {
    OwnAnswer own = co_await answer_of_path(path.value_or(std::string_view()));
    entry.own_document = own.code != kUnknownRoute && own.code != kUnknownProvider;
    co_return co_await answer_here(std::move(own), entry);
  }
  if (route->path.empty()) {
    OwnAnswer own = redirect_behind_slash(*path);
    entry.own_document = true;
    co_return co_await answer_here(std::move(own), entry);
  }
  Destination destination{route->provider, route->path, http::plain_path(route->path)};
  if (http::has_parent_segment(destination.path)) {
    OwnAnswer own = make_error(400, "invalid_path", "The path must not have a segment \"..\".");
    co_return co_await answer_here(std::move(own), entry);
  }
  std::optional<OwnAnswer> instead = answer_by_rules(destination);
  if (instead) co_return co_await answer_here(std::move(*instead), entry);
  if (const auto document = fleet_document(route->provider, destination.path)) {
    OwnAnswer own = co_await answer_document(services_, route->provider, *document, client_->head(),
                                             route->path);
    entry.own_document = true;
    co_return co_await answer_here(std::move(own), entry);
  }
  std::string admin_target;
  if (route->provider.is_vllm() && is_admin_route(destination.path)) {
    const AdminRequest request{client_->head(),        destination.path, route->path,
                               client_->body().view(), entry.request_id, route->provider};
    AdminPlan plan = plan_admin_request(*services_.snapshot, request);
    if (plan.refusal) co_return co_await answer_here(std::move(*plan.refusal), entry);
    if (plan.together) {
      OwnAnswer own = co_await ask_together(services_, std::move(plan), request);
      entry.own_document = true;
      co_return co_await answer_here(std::move(own), entry);
    }
    admin_target = http::without_query_parameter(route->path, "endpoint");
    destination.target = admin_target;
    destination.endpoint = plan.endpoints.front();
  }
  const bool changes = !admin_target.empty() && changes_models(destination.path);
  Exchange exchange(services_, *client_, std::move(destination), entry, caller_);
  exchange_ = &exchange;
  const bool keep = co_await exchange.run();
  exchange_ = nullptr;
  if (changes) services_.findings.models_in_doubt();
  co_return keep;
}

/// The answer to a request that is not for any endpoint by the rules of its route.
std::optional<OwnAnswer> Session::answer_by_rules(const Destination& destination) const {
  if (destination.provider.is_messages())
    return answer_messages_route(services_, client_->head(), destination, client_->body().size());
  return refuse_route(*services_.snapshot, *services_.config.profiles,
                      {client_->head().method, destination, client_->body().view()});
}

bool Session::is_admin_route(std::string_view path) const {
  return vllm::route_kind(path) == vllm::RouteKind::kGuarded &&
         vllm::matches_route(services_.config.vllm.admin_routes, path);
}

/// The answer to a path that is the gateway's own, or nobody's.
net::Awaitable<OwnAnswer> Session::answer_of_path(std::string_view target) {
  InternalRequest request{client_->head(), target.substr(0, target.find('?')), target,
                          client_->body().view(), client_->client_address()};
  std::optional<OwnAnswer> answer = co_await services_.internal(services_, request);
  if (answer) co_return std::move(*answer);
  if (target.starts_with("/olla/")) {
    co_return make_error(404, kUnknownProvider,
                         "This gateway has no such provider. Behind /olla/ there may stand: "
                         "proxy, " +
                             services_.config.profiles->prefixes() + ".");
  }
  co_return make_error(404, kUnknownRoute,
                       "This gateway has no such path. Proxied paths begin with /v1/ or with "
                       "/olla/PROVIDER/, for example /olla/vllm/.");
}

/// Gives an answer of the gateway's own. `may_keep` is false when the request was not read to its
/// end.
net::Awaitable<bool> Session::answer_here(OwnAnswer own, log::AccessEntry& entry, bool may_keep) {
  const http::RequestHead& head = client_->head();
  const Duration taken = Clock::now() - client_->request_start();
  entry.status = own.status;
  entry.refusal = own.code;
  if (own.status == 413) services_.shared.gate.violations.count_size();
  entry.ttfb_ms = milliseconds(taken);
  if (own.extra_fields.find("X-Olla-Backend-Type") != std::string::npos) {
    own.extra_fields +=
        "X-Olla-Response-Time: " + std::to_string(static_cast<std::int64_t>(milliseconds(taken))) +
        "ms\r\n";
  }
  const std::uint64_t before = client_->bytes_written();
  const bool keep = may_keep && head.keep_alive && !client_->is_draining();
  own.extra_fields += caller_.answer_fields;
  const bool sent = co_await send_answer(*client_, own, entry.request_id, keep);
  entry.bytes = client_->bytes_written() - before;
  co_return sent&& keep;
}

/// Answers a request that could not be read, and ends the connection: where the next request would
/// begin is not known.
net::Awaitable<void> Session::refuse() {
  log::AccessEntry entry = begin_entry();
  OwnAnswer answer =
      make_refusal(client_->refusal(), error_shape_of_target(client_->head().target));
  if (answer.status == 413 || answer.status == 431) services_.shared.gate.violations.count_size();
  answer.extra_fields += caller_.answer_fields;
  entry.status = answer.status;
  entry.error = client_->refusal().message;
  entry.refusal = answer.code;
  entry.ttfb_ms = milliseconds(Clock::now() - client_->request_start());
  const std::uint64_t before = client_->bytes_written();
  co_await send_answer(*client_, answer, entry.request_id, /*keep_alive=*/false);
  entry.bytes = client_->bytes_written() - before;
  end_entry(entry);
}

}  // namespace olla::proxy
