#include "net/upstream_connection.h"

#include <netinet/tcp.h>
#include <poll.h>
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

/// True when a socket could not be made for want of something of this machine's.
bool is_own_shortage(error_code error) {
  using Code = boost::system::errc::errc_t;
  return error == Code::too_many_files_open || error == Code::too_many_files_open_in_system ||
         error == Code::no_buffer_space || error == Code::not_enough_memory;
}

/// True when a read would not block: bytes, the end or an error are there. Unlike a peek it leaves
/// the error in place for the read.
bool is_readable(Socket& socket) {
  pollfd asked{.fd = socket.native_handle(), .events = POLLIN, .revents = 0};
  return ::poll(&asked, 1, 0) > 0;
}

}  // namespace

UpstreamConnection::UpstreamConnection(asio::io_context& io, Deadlines& deadlines)
    : Deadline(deadlines), socket_(io), watch_(socket_, *this), read_bytes_(kReadBytesMin) {}

Error UpstreamConnection::explain(error_code error, const char* what) const {
  if (timed_out_) return {Errc::kTimeout, Side::kUpstream, std::string(what) + ": timed out"};
  if (gone_) {
    return {Errc::kClosed, Side::kUpstream,
            std::string(what) + ": silent, and nobody listens there any more"};
  }
  return {aborted_ ? Errc::kCancelled : Errc::kClosed, Side::kUpstream,
          std::string(what) + ": " + error.message()};
}

Awaitable<Result<void>> UpstreamConnection::connect(std::span<const fleet::Address> addresses,
                                                    Duration limit) {
  const TimePoint start = Clock::now();
  error_code last = asio::error::host_unreachable;
  error_code ignored;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const auto addresses_left = static_cast<Duration::rep>(addresses.size() - i);
    const Duration left = limit - (Clock::now() - start);
    // Also when that happened before the first attempt, or just as it succeeded.
    if (aborted_ || keeper_stopped()) break;
    timed_out_ = left <= Duration::zero();
    if (timed_out_) break;
    socket_.close(ignored);
    expire_after(left / addresses_left);
    const auto [error] = co_await socket_.async_connect(to_asio(addresses[i]), kAwait);
    expire_never();
    if (!error && socket_.is_open()) {
      socket_.non_blocking(true, ignored);
      socket_.set_option(Tcp::no_delay(true), ignored);
      watch_.start();
      co_return Result<void>();
    }
    last = error;
    if (is_own_shortage(error)) break;
  }
  socket_.close(ignored);
  Error why = explain(last, "connect");
  if (why.code == Errc::kClosed) why.code = Errc::kRefused;
  if (is_own_shortage(last)) why.side = Side::kGateway;
  co_return why;
}

void UpstreamConnection::keep_alive(std::chrono::milliseconds silence) {
  // Whole seconds are what Linux takes, tcp(7); its most is 32767.
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(silence).count();
  const int value = static_cast<int>(std::clamp<std::chrono::seconds::rep>(seconds, 1, 32767));
  // Without it the connection works as well, but for what it is there to find out.
  error_code ignored;
  socket_.set_option(asio::socket_base::keep_alive(silence.count() > 0), ignored);
  const int descriptor = socket_.native_handle();
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &value, sizeof value);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &value, sizeof value);
}

std::size_t UpstreamConnection::write_some(std::string_view first, std::string_view second,
                                           error_code& error) {
  // For one piece the kernel need not be told of a list.
  if (second.empty()) return socket_.write_some(asio::buffer(first), error);
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(first), asio::buffer(second)};
  return socket_.write_some(buffers, error);
}

/// Waits until the socket takes bytes again; false when it may not, but can be read.
Awaitable<Result<bool>> UpstreamConnection::becomes_writable(Duration limit) {
  expire_after(limit);
  watch_.await_writable();
  bool writable = false;
  while (socket_.is_open() && !writable) {
    if (watch_.may_read()) {
      if (is_readable(socket_)) break;
      watch_.note_empty();
    }
    writable = watch_.take_writable();
    if (!writable) co_await waiter_.wait();
  }
  expire_never();
  if (!socket_.is_open()) co_return explain(asio::error::operation_aborted, "write");
  co_return writable;
}

Awaitable<Result<std::size_t>> UpstreamConnection::write(std::string_view first,
                                                         std::string_view second, Duration limit) {
  std::size_t total_bytes = 0;
  while (!first.empty() || !second.empty()) {
    error_code error;
    const std::size_t sent = write_some(first, second, error);
    if (error == asio::error::would_block) {
      const auto writable = co_await becomes_writable(limit);
      if (!writable) co_return writable.error();
      if (!*writable) break;
      continue;
    }
    if (error) co_return explain(error, "write");
    total_bytes += sent;
    const std::size_t from_first = std::min(sent, first.size());
    first.remove_prefix(from_first);
    second.remove_prefix(sent - from_first);
  }
  co_return total_bytes;
}

Awaitable<Result<void>> UpstreamConnection::read(Duration limit) {
  const TimePoint now = Clock::now();
  read_end_ = now + limit;
  expect_bytes(now);
  error_code error = asio::error::would_block;
  std::size_t bytes = 0;
  while (error == asio::error::would_block) {
    if (!socket_.is_open()) {
      error = asio::error::operation_aborted;
    } else if (watch_.may_read()) {
      bytes = watch_.read(input_.prepare(read_bytes_), read_bytes_, error);
    } else {
      co_await waiter_.wait();
    }
  }
  expire_never();
  read_end_ = TimePoint{};
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
  if (!watch_.may_read()) return true;  // Nothing, and no end, came since the last read.
  char byte = 0;
  const auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return false;
  watch_.note_empty();
  return true;
}

/// Sets the deadline of a read: its end, or the time to ask whether the endpoint is still there.
void UpstreamConnection::expect_bytes(TimePoint now) {
  expire_at(judge_ == nullptr ? read_end_ : std::min(read_end_, now + kSilence));
}

void UpstreamConnection::on_deadline() {
  const TimePoint now = Clock::now();
  if (now < read_end_ && !keeper_stopped()) {
    gone_ = judge_ != nullptr && judge_->is_gone();
    if (!gone_) return expect_bytes(now);
  } else {
    timed_out_ = true;
  }
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace olla::net
