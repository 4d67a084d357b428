#include "proxy/fan_out.h"

#include <exception>

#include "http/field.h"
#include "net/spawn.h"
#include "net/waiter.h"
#include "proxy/outgoing.h"

namespace olla::proxy {
namespace {

// A status line's worth of text comes back, or an error.
constexpr std::size_t kMaxBodyBytes = 1024 * 1024;

constexpr std::string_view kAgent = "olla/v" OLLA_VERSION;

/// Adds `headers`; those that `endpoint` sets itself are its own.
void add_headers(const std::vector<config::Header>& headers, const config::Endpoint& endpoint,
                 net::FetchRequest& request) {
  const std::vector<http::Field> own = fields_of(endpoint.headers);
  for (const config::Header& header : headers) {
    if (!http::find_field(own, header.name))
      request.headers.emplace_back(header.name, header.value);
  }
}

net::FetchRequest request_for(const fleet::EndpointView& view, const FanOutQuestion& question) {
  const config::Endpoint& endpoint = view.endpoint->config;
  net::FetchRequest request;
  request.method = question.method;
  request.body = question.body;
  request.addresses = view.addresses;
  request.authority = endpoint.address.authority();
  request.path = question.path;
  request.user_agent = kAgent;
  for (const config::Header& header : endpoint.headers)
    request.headers.emplace_back(header.name, header.value);
  add_headers(question.headers, endpoint, request);
  if (endpoint.forward_client_auth) add_headers(question.credentials, endpoint, request);
  request.limit = question.limit;
  request.max_body_bytes = kMaxBodyBytes;
  return request;
}

/// All questions under way; the last answer wakes who waits for them.
struct Round {
  std::vector<FanOutAnswer> answers;
  std::size_t open = 0;
  net::Waiter waiter;
};

net::Awaitable<void> ask_one(Services& services, net::FetchRequest request,
                             std::shared_ptr<Round> round, std::size_t at) {
  auto answer = co_await net::fetch(services.io, services.deadlines, std::move(request));
  round->answers[at].answer = std::move(answer);
}

}  // namespace

net::Awaitable<std::vector<FanOutAnswer>> ask_all(Services& services,
                                                  std::shared_ptr<const fleet::Snapshot> snapshot,
                                                  std::vector<EndpointId> endpoints,
                                                  FanOutQuestion question) {
  const auto round = std::make_shared<Round>();
  for (const EndpointId id : endpoints) {
    const Error none{Errc::kCancelled, Side::kGateway, "not asked"};
    round->answers.push_back({id, none});
  }
  round->open = endpoints.size();
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    net::FetchRequest request = request_for(snapshot->endpoints[endpoints[i].value()], question);
    // Where one throws, its answer stays as it is.
    auto done = [round](const std::exception_ptr&) {
      if (--round->open == 0) round->waiter.wake();
    };
    net::spawn(services.io, ask_one(services, std::move(request), round, i), std::move(done));
  }
  if (round->open > 0) co_await round->waiter.wait();
  co_return std::move(round->answers);
}

}  // namespace olla::proxy
