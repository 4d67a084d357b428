#include "net/read_body.h"

#include <algorithm>

#include "http/body.h"

namespace olla::net {
namespace {

constexpr std::size_t kTrailerBytesMax = 64 * 1024;

Duration limit_of(const BodyPatience& patience) {
  return std::min(patience.gap, patience.end - Clock::now());
}

/// Takes the trailer section behind a chunked body off the input.
Awaitable<Result<void>> drop_trailers(UpstreamConnection& connection, BodyPatience patience) {
  for (;;) {
    const std::string_view input = connection.input().view();
    const std::size_t end = input.starts_with("\r\n") ? 0 : input.find("\r\n\r\n");
    if (end != std::string_view::npos) {
      connection.input().consume(end == 0 ? 2 : end + 4);
      co_return Result<void>();
    }
    if (input.size() > kTrailerBytesMax) {
      co_return Error{Errc::kTooLarge, Side::kUpstream, "the trailers are too large"};
    }
    const auto got = co_await connection.read(limit_of(patience));
    if (!got) co_return got.error();
  }
}

}  // namespace

Awaitable<Result<std::string>> read_body(UpstreamConnection& connection,
                                         const http::ResponseHead& head, std::size_t max_bytes,
                                         BodyPatience patience) {
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
    if (scanner.state() == http::BodyScanner::State::kTrailers) {
      const auto dropped = co_await drop_trailers(connection, patience);
      if (!dropped) co_return dropped.error();
      co_return body;
    }
    if (scanner.state() != http::BodyScanner::State::kMore) co_return body;
    if (step.consumed > 0) continue;
    const auto got = co_await connection.read(limit_of(patience));
    if (!got) {
      if (connection.ended_in_order() && scanner.finish_at_close()) co_return body;
      co_return got.error();
    }
  }
}

Awaitable<Result<void>> await_sized_body(UpstreamConnection& connection, std::size_t bytes,
                                         BodyPatience patience) {
  while (connection.input().view().size() < bytes) {
    const auto got = co_await connection.read(limit_of(patience));
    if (!got) co_return got.error();
  }
  co_return Result<void>();
}

}  // namespace olla::net
