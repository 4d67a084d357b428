#include "net/upstream_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <string>

#include "net/address.h"

namespace olla::net {
namespace {

// A token event of vLLM takes 200 to 300 bytes: reads start small and grow only while they come
// back full, so that a thousand quiet streams cost little and a large body few system calls.
constexpr std::size_t kReadBytesMin = 4096;
constexpr std::size_t kReadBytesMax = 64 * 1024;

}  // namespace

UpstreamConnection::UpstreamConnection(asio::io_context& io, Deadlines& deadlines)
    : Deadline(deadlines), socket_(io), read_bytes_(kReadBytesMin) {}

Error UpstreamConnection::explain(error_code error, const char* what) const {
  const Errc code = timed_out_ ? Errc::kTimeout : aborted_ ? Errc::kCancelled : Errc::kClosed;
  return {code, Side::kUpstream, std::string(what) + ": " + error.message()};
}

Awaitable<Result<void>> UpstreamConnection::connect(std::span<const fleet::Address> addresses,
                                                    Duration limit) {
  expire_after(limit);
  error_code last = asio::error::host_unreachable;
  for (const fleet::Address& address : addresses) {
    // Also when that happened before the first attempt, or just as it succeeded.
    if (timed_out_ || aborted_) break;
    error_code ignored;
    socket_.close(ignored);
    const auto [error] = co_await socket_.async_connect(to_asio(address), kAwait);
    if (!error && socket_.is_open()) {
      expire_never();
      socket_.non_blocking(true, ignored);
      socket_.set_option(Tcp::no_delay(true), ignored);
      co_return Result<void>();
    }
    last = error;
  }
  expire_never();
  error_code ignored;
  socket_.close(ignored);
  Error why = explain(last, "connect");
  if (why.code == Errc::kClosed) why.code = Errc::kRefused;
  co_return why;
}

Awaitable<Result<void>> UpstreamConnection::write(std::string_view first, std::string_view second,
                                                  Duration limit) {
  for (;;) {
    const std::array<asio::const_buffer, 2> buffers = {asio::buffer(first), asio::buffer(second)};
    error_code error;
    std::size_t sent = socket_.write_some(buffers, error);
    if (error == asio::error::would_block) {
      expire_after(limit);
      const auto [later, sent_later] = co_await socket_.async_write_some(buffers, kAwait);
      expire_never();
      error = later;
      sent = sent_later;
    }
    if (error) co_return explain(error, "write");
    const std::size_t from_first = std::min(sent, first.size());
    first.remove_prefix(from_first);
    second.remove_prefix(sent - from_first);
    if (first.empty() && second.empty()) co_return Result<void>();
  }
}

Awaitable<Result<void>> UpstreamConnection::read(Duration limit) {
  expire_after(limit);
  const auto room = asio::buffer(input_.prepare(read_bytes_), read_bytes_);
  const auto [error, bytes] = co_await socket_.async_read_some(room, kAwait);
  expire_never();
  ended_in_order_ = error == asio::error::eof;
  if (error) co_return explain(error, "read");
  input_.commit(bytes);
  if (bytes == read_bytes_) read_bytes_ = std::min(read_bytes_ * 4, kReadBytesMax);
  co_return Result<void>();
}

void UpstreamConnection::abort() {
  aborted_ = true;
  error_code ignored;
  socket_.close(ignored);
}

bool UpstreamConnection::is_quiet() {
  if (!socket_.is_open() || !input_.empty()) return false;
  char byte = 0;
  const auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void UpstreamConnection::on_deadline() {
  timed_out_ = true;
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace olla::net
