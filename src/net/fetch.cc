#include "net/fetch.h"

#include "http/body.h"
#include "http/head.h"
#include "net/address.h"
#include "net/upstream_connection.h"

namespace olla::net {
namespace {

constexpr http::HeadLimits kHeadLimits{.bytes = 64 * 1024, .fields = 200};

std::string request_text(const FetchRequest& request) {
  std::string out = "GET " + request.path + " HTTP/1.1\r\nHost: " + request.authority +
                    "\r\nUser-Agent: " + request.user_agent +
                    "\r\nAccept: */*\r\nConnection: close\r\n";
  for (const auto& [name, value] : request.headers)
    out.append(name).append(": ").append(value).append("\r\n");
  return out.append("\r\n");
}

/// Waits for the head of the final response; `head`'s views point into `text`.
Awaitable<Result<void>> read_head(UpstreamConnection& connection, TimePoint end, std::string& text,
                                  http::ResponseHead& head) {
  do {
    http::HeadScanner scanner(kHeadLimits.bytes);
    http::HeadScanner::State state = scanner.scan(connection.input().view());
    while (state == http::HeadScanner::State::kMore) {
      const auto got = co_await connection.read(end - Clock::now());
      if (!got) co_return got.error();
      state = scanner.scan(connection.input().view());
    }
    if (state != http::HeadScanner::State::kComplete) {
      co_return Error{Errc::kMalformed, Side::kUpstream, "the answer is not HTTP/1.1"};
    }
    text.assign(connection.input().view().substr(0, scanner.size()));
    connection.input().consume(scanner.size());
    const auto refusal = http::parse_response_head(std::string_view(text).substr(scanner.skipped()),
                                                   kHeadLimits.fields, "GET", head);
    if (refusal) {
      co_return Error{Errc::kMalformed, Side::kUpstream, std::string(refusal->message)};
    }
  } while (head.status < 200);
  co_return Result<void>();
}

Awaitable<Result<std::string>> read_body(UpstreamConnection& connection, TimePoint end,
                                         const http::ResponseHead& head, std::size_t max_bytes) {
  std::string body;
  http::BodyScanner scanner(head.framing, head.content_length);
  for (;;) {
    const auto step = scanner.next(connection.input().view());
    body.append(step.payload);
    connection.input().consume(step.consumed);
    if (body.size() > max_bytes) {
      co_return Error{Errc::kTooLarge, Side::kUpstream, "the answer is too large"};
    }
    if (scanner.state() == http::BodyScanner::State::kMalformed) {
      co_return Error{Errc::kMalformed, Side::kUpstream, "the chunked framing is broken"};
    }
    if (scanner.state() != http::BodyScanner::State::kMore) co_return body;
    if (step.consumed > 0) continue;
    const auto got = co_await connection.read(end - Clock::now());
    if (!got) {
      if (connection.ended_in_order() && scanner.finish_at_close()) co_return body;
      co_return got.error();
    }
  }
}

}  // namespace

Awaitable<Result<FetchResponse>> fetch(asio::io_context& io, Deadlines& deadlines,
                                       FetchRequest request) {
  const TimePoint end = Clock::now() + request.limit;
  const auto addresses = co_await resolve(request.host, request.port);
  if (!addresses) co_return addresses.error();

  UpstreamConnection connection(io, deadlines);
  const auto connected = co_await connection.connect(*addresses, end - Clock::now());
  if (!connected) co_return connected.error();
  const std::string text = request_text(request);
  const auto written = co_await connection.write(text, std::string_view(), end - Clock::now());
  if (!written) co_return written.error();

  FetchResponse response;
  std::string head_text;
  http::ResponseHead head;
  const auto got_head = co_await read_head(connection, end, head_text, head);
  if (!got_head) co_return got_head.error();
  response.status = head.status;
  auto body = co_await read_body(connection, end, head, request.max_body_bytes);
  if (!body) co_return body.error();
  response.body = std::move(*body);
  co_return response;
}

}  // namespace olla::net
