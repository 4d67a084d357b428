#include "net/fetch.h"

#include "http/head.h"
#include "net/read_body.h"
#include "net/upstream_connection.h"

namespace olla::net {
namespace {

constexpr http::HeadLimits kHeadLimits{.bytes = 64 * 1024, .fields = 200};

std::string request_text(const FetchRequest& request) {
  std::string out =
      request.method + " " + request.path + " HTTP/1.1\r\nHost: " + request.authority +
      "\r\nUser-Agent: " + request.user_agent + "\r\nAccept: */*\r\nConnection: close\r\n";
  if (request.method != "GET") {
    out.append("Content-Type: application/json\r\nContent-Length: ");
    out.append(std::to_string(request.body.size())).append("\r\n");
  }
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

}  // namespace

Awaitable<Result<FetchResponse>> fetch(asio::io_context& io, Deadlines& deadlines,
                                       FetchRequest request) {
  const TimePoint end = Clock::now() + request.limit;
  UpstreamConnection connection(io, deadlines);
  const auto connected = co_await connection.connect(request.addresses, request.limit);
  if (!connected) co_return connected.error();
  const std::string text = request_text(request);
  const auto written = co_await connection.write(text, request.body, end - Clock::now());
  if (!written) co_return written.error();

  FetchResponse response;
  std::string head_text;
  http::ResponseHead head;
  const auto got_head = co_await read_head(connection, end, head_text, head);
  if (!got_head) co_return got_head.error();
  response.status = head.status;
  response.retry_after = http::find_field(head.fields, "retry-after").value_or("");
  response.location = http::find_field(head.fields, "location").value_or("");
  const BodyPatience patience{.gap = request.limit, .end = end};
  auto body = co_await read_body(connection, head, request.max_body_bytes, patience);
  if (!body) co_return body.error();
  response.body = std::move(*body);
  co_return response;
}

}  // namespace olla::net
