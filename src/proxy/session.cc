#include "proxy/session.h"

#include "http/forward.h"
#include "proxy/answer.h"
#include "routing/provider.h"

namespace olla::proxy {
namespace {

using Read = net::ServerConnection::Read;

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

Session::Session(Services& services, net::Socket socket)
    : services_(services),
      client_(std::make_shared<net::ServerConnection>(std::move(socket), services.deadlines,
                                                      services.connection_rules)) {}

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
  if (began) read = co_await client_->read_body();
  if (read == Read::kClosed) {
    client_->close();
    if (began) {
      log::AccessEntry entry = begin_entry();
      entry.status = log::kClientLeft;
      entry.error = "the client left";
      end_entry(entry);
    }
    co_return false;
  }
  if (read == Read::kRefused) {
    co_await refuse();
    co_return false;
  }
  log::AccessEntry entry = begin_entry();
  const bool keep = co_await route_request(entry);
  end_entry(entry);
  co_return keep && client_->is_open();
}

log::AccessEntry Session::begin_entry() {
  const http::RequestHead& head = client_->head();
  log::AccessEntry entry;
  const auto given = http::client_request_id(head.fields);
  entry.request_id =
      given ? std::string(*given) : hex16(services_.random.next()) + hex16(services_.random.next());
  entry.client = client_->client_address();
  entry.method = head.method;
  // Without the query, and without the authority of an absolute form: they may hold secrets.
  const auto path = http::origin_form(head.target).value_or("*");
  entry.path = path.substr(0, path.find('?'));
  return entry;
}

void Session::end_entry(log::AccessEntry& entry) {
  entry.duration_ms = milliseconds(Clock::now() - client_->request_start());
  log::write_access(services_.logger, entry);
}

net::Awaitable<bool> Session::route_request(log::AccessEntry& entry) {
  const auto path = http::origin_form(client_->head().target);
  const auto route = path ? routing::match_route(*path) : std::nullopt;
  if (!route) co_return co_await answer_here(path.value_or(std::string_view()), entry);
  Exchange exchange(services_, *client_, *route, entry);
  exchange_ = &exchange;
  const bool keep = co_await exchange.run();
  exchange_ = nullptr;
  co_return keep;
}

/// Answers a path that is the gateway's own, or nobody's.
net::Awaitable<bool> Session::answer_here(std::string_view path, log::AccessEntry& entry) {
  const http::RequestHead& head = client_->head();
  auto answer = services_.internal(head.method, path.substr(0, path.find('?')));
  if (!answer) {
    answer = make_error(404, "unknown_route",
                        "This gateway has no such path. Proxied paths begin with /olla/vllm/, "
                        "/olla/openai/ or /olla/proxy/.");
  }
  entry.status = answer->status;
  const std::uint64_t before = client_->bytes_written();
  const bool keep = head.keep_alive && !client_->is_draining();
  const bool sent = co_await send_answer(*client_, *answer, entry.request_id, keep);
  entry.bytes = client_->bytes_written() - before;
  co_return sent&& keep;
}

/// Answers a request that could not be read, and ends the connection: where the next request would
/// begin is not known.
net::Awaitable<void> Session::refuse() {
  log::AccessEntry entry = begin_entry();
  const OwnAnswer answer = make_refusal(client_->refusal());
  entry.status = answer.status;
  entry.error = client_->refusal().message;
  const std::uint64_t before = client_->bytes_written();
  co_await send_answer(*client_, answer, entry.request_id, /*keep_alive=*/false);
  entry.bytes = client_->bytes_written() - before;
  end_entry(entry);
}

}  // namespace olla::proxy
