#include "net/server_connection.h"

#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <array>

#include "base/check.h"

namespace olla::net {
namespace {

// Room for one read of heads and small bodies; also what an idle connection keeps.
constexpr std::size_t kInputBytes = 4096;

// Pipelined requests that wait behind a running one stop being read here; the rest stays in the
// kernel, and the client's own send buffer then holds it back.
constexpr std::size_t kPipelineBytesMax = 64 * 1024;

// One read of a large body: large enough that the system call does not count.
constexpr std::size_t kBodyReadBytes = 256 * 1024;

// Bytes that may wait in the kernel for a client that reads slowly, beyond what is on the wire.
// Without it the kernel takes megabytes before the endpoint feels anything.
constexpr int kUnsentBytesMax = 64 * 1024;
using NotSentLowWater = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>;

// Instead of ConnectionRules::linger_timeout_max when the program ends: what the kernel holds
// reaches a client that reads all the same.
constexpr std::chrono::milliseconds kLingerDraining{200};

// Between two looks whether the client left behind pipelined bytes that are not read. With the
// lateness of a deadline it is noticed within 50 ms.
constexpr std::chrono::milliseconds kLeaveLookInterval{25};

}  // namespace

ServerConnection::ServerConnection(Socket socket, Deadlines& deadlines,
                                   const ConnectionRules& rules)
    : Deadline(deadlines),
      socket_(std::move(socket)),
      socket_watch_(socket_, *this),
      rules_(rules),
      leave_look_(deadlines, *this) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(Tcp::no_delay(true), ignored);
  socket_.set_option(NotSentLowWater(kUnsentBytesMax), ignored);
  const auto peer = socket_.remote_endpoint(ignored);
  asio::ip::address address = peer.address();
  // A client of IPv4 on a socket of both.
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  client_address_ = address.to_string();
  socket_watch_.start();
}

void ServerConnection::set_phase(Phase phase, TimePoint now) {
  phase_ = phase;
  switch (phase) {
    case Phase::kIdle:
      expire_after(rules_.idle_timeout, now);
      break;
    case Phase::kHead:
      expire_after(rules_.read_header_timeout, now);
      break;
    case Phase::kBody:
      expire_after(rules_.read_timeout, now);
      break;
    case Phase::kWrite:
      expire_after(rules_.write_timeout, now);
      break;
    case Phase::kLinger:
      expire_at(std::min(linger_end_, now + rules_.linger_timeout));
      break;
  }
}

void ServerConnection::on_deadline() {
  timed_out_ = true;
  if (phase_ == Phase::kWrite) {
    close(/*reset=*/true);
  } else if (phase_ == Phase::kLinger) {
    close();
  } else {
    socket_watch_.kick();
  }
}

ServerConnection::Read ServerConnection::refuse(http::Refusal refusal) {
  expire_never();
  refusal_ = refusal;
  return Read::kRefused;
}

/// Why a read gave nothing: the deadline, or the client.
ServerConnection::Read ServerConnection::stopped_reading() {
  expire_never();
  if (!timed_out_ || phase_ == Phase::kIdle) return Read::kClosed;
  return refuse({408, phase_ == Phase::kHead ? "The request head took too long to arrive."
                                             : "The request body stopped arriving."});
}

/// Whether a wait for bytes is over although none came.
bool ServerConnection::stops_waiting() const {
  return client_left_ || timed_out_ || !socket_.is_open() || (draining_ && phase_ == Phase::kIdle);
}

/// Waits for bytes in input_; false when none will come.
Awaitable<bool> ServerConnection::more_input() {
  while (!stops_waiting()) {
    if (take_available()) co_return true;
    if (!client_left_) co_await input_waiter_.wait();
  }
  co_return false;
}

/// Takes in the whole lines that have come of a head that is refused for its size: they tell whose
/// request it is, and in which shape it wants to be refused.
void ServerConnection::read_part_of_head(std::size_t skipped) {
  const std::string_view come = input_.view().substr(skipped);
  const std::size_t end = come.rfind("\r\n");
  if (end == std::string_view::npos) return;
  head_bytes_.assign(come.substr(0, end + 2));
  static_cast<void>(http::parse_request_head(head_bytes_, rules_.head.fields, head_));
}

Awaitable<ServerConnection::Read> ServerConnection::read_head() {
  OLLA_CHECK(listener_ == nullptr);
  http::HeadScanner scanner(rules_.head.bytes);
  timed_out_ = false;
  body_.clear();
  body_.shrink(kPipelineBytesMax);
  if (input_.empty()) input_.shrink(2 * kInputBytes);
  trailers_.clear();
  head_ =
      http::RequestHead{.method = {}, .target = {}, .fields = std::move(head_.fields), .host = {}};
  head_.fields.clear();
  request_start_ = Clock::now();
  set_phase(input_.empty() ? Phase::kIdle : Phase::kHead, request_start_);
  for (;;) {
    const auto state = scanner.scan(input_.view());
    if (state == http::HeadScanner::State::kComplete) break;
    if (state == http::HeadScanner::State::kMalformed) {
      co_return refuse({400, "The bytes received are not an HTTP/1.1 request."});
    }
    if (state == http::HeadScanner::State::kTooLarge) {
      read_part_of_head(scanner.skipped());
      co_return refuse({431, "The request head is larger than this server allows."});
    }
    if (draining_ && phase_ == Phase::kIdle) co_return Read::kClosed;
    if (!co_await more_input()) co_return stopped_reading();
    if (phase_ == Phase::kIdle) {
      request_start_ = Clock::now();
      set_phase(Phase::kHead, request_start_);
    }
  }
  expire_never();
  // The views of head_ must survive further reads into input_.
  head_bytes_.assign(input_.view().substr(scanner.skipped(), scanner.size() - scanner.skipped()));
  input_.consume(scanner.size());
  const auto refusal = http::parse_request_head(head_bytes_, rules_.head.fields, head_);
  if (refusal) co_return refuse(*refusal);
  co_return Read::kRequest;
}

Awaitable<ServerConnection::Read> ServerConnection::read_body() {
  if (head_.framing == http::Framing::kNone) co_return Read::kRequest;
  if (head_.framing == http::Framing::kLength && head_.content_length > rules_.max_body_size) {
    co_return refuse({413, "The request body is larger than this server allows."});
  }
  // A client that already sends its body does not wait (RFC 9110, section 10.1.1).
  if (head_.expects_continue && input_.empty()) {
    if (!co_await write("HTTP/1.1 100 Continue\r\n\r\n")) co_return Read::kClosed;
  }
  if (head_.framing == http::Framing::kLength && take_body()) co_return Read::kRequest;
  set_phase(Phase::kBody, Clock::now());
  Read read = Read::kRequest;
  if (head_.framing == http::Framing::kLength) {
    read = co_await read_sized_body();
  } else {
    read = co_await read_chunked_body();
  }
  expire_never();
  co_return read;
}

/// Takes of the body what came with the head; true when that is all of it.
bool ServerConnection::take_body() {
  const auto length = static_cast<std::size_t>(head_.content_length);
  const std::size_t here = std::min(length, input_.size());
  body_.append(input_.view().substr(0, here));
  input_.consume(here);
  return here == length;
}

Awaitable<ServerConnection::Read> ServerConnection::read_sized_body() {
  const auto length = static_cast<std::size_t>(head_.content_length);
  while (body_.size() < length) {
    if (!co_await fill_body(length - body_.size())) co_return stopped_reading();
    set_phase(Phase::kBody, Clock::now());
  }
  co_return Read::kRequest;
}

/// Reads up to `room` bytes straight into body_; false when none will come.
Awaitable<bool> ServerConnection::fill_body(std::size_t room) {
  // The declared length is the client's word: memory grows only as bytes arrive. Fourfold, so that
  // a prompt of a megabyte is moved once on its way and ends in a buffer of its size.
  const std::size_t wanted = std::min(room, std::max(kBodyReadBytes, 3 * body_.size()));
  char* const to = body_.prepare(wanted);
  while (!stops_waiting()) {
    if (!socket_watch_.may_read()) {
      co_await input_waiter_.wait();
      continue;
    }
    error_code error;
    const std::size_t bytes = socket_watch_.read(to, wanted, error);
    body_.commit(bytes);
    if (bytes > 0) co_return true;
    client_left_ = error != asio::error::would_block;
  }
  co_return false;
}

Awaitable<ServerConnection::Read> ServerConnection::read_chunked_body() {
  http::BodyScanner scanner(http::Framing::kChunked, 0);
  for (;;) {
    while (true) {
      const auto step = scanner.next(input_.view());
      if (body_.size() + step.payload.size() > rules_.max_body_size) {
        co_return refuse({413, "The request body is larger than this server allows."});
      }
      body_.append(step.payload);
      input_.consume(step.consumed);
      if (scanner.state() != http::BodyScanner::State::kMore || step.consumed == 0) break;
    }
    if (scanner.state() == http::BodyScanner::State::kMalformed) {
      co_return refuse({400, "The chunked framing of the body is broken."});
    }
    if (scanner.state() == http::BodyScanner::State::kTrailers) break;
    if (!co_await more_input()) co_return stopped_reading();
    set_phase(Phase::kBody, Clock::now());
  }
  co_return co_await read_trailers();
}

Awaitable<ServerConnection::Read> ServerConnection::read_trailers() {
  while (!input_.view().starts_with("\r\n")) {
    const std::size_t end = input_.view().find("\r\n\r\n");
    if (end != std::string_view::npos) {
      trailer_bytes_.assign(input_.view().substr(0, end + 4));
      input_.consume(end + 4);
      if (http::parse_trailers(trailer_bytes_, rules_.head.fields, trailers_)) {
        co_return Read::kRequest;
      }
      co_return refuse({400, "The trailers of the body are malformed."});
    }
    if (input_.size() > rules_.head.bytes) {
      co_return refuse({431, "The trailers are larger than this server allows."});
    }
    if (!co_await more_input()) co_return stopped_reading();
    set_phase(Phase::kBody, Clock::now());
  }
  input_.consume(2);
  co_return Read::kRequest;
}

void ServerConnection::watch(LeaveListener& listener) {
  listener_ = &listener;
  // What came behind the request was told before.
  if (socket_watch_.may_read()) socket_watch_.kick();
}

void ServerConnection::on_socket_event() {
  if (input_waiter_.waiting()) {
    input_waiter_.wake();  // Last: the coroutine may end here.
  } else if (listener_ != nullptr && !client_left_ && socket_.is_open()) {
    look_ahead();
  }
}

/// Takes in what comes while a request runs, and notices that the client leaves.
void ServerConnection::look_ahead() {
  if (input_.size() >= kPipelineBytesMax) return look_for_leave();
  take_available();
  if (client_left_) {
    const auto self = shared_from_this();  // The listener may let go of the connection.
    listener_->on_client_left();
  } else if (socket_watch_.may_read()) {
    socket_watch_.kick();
  }
}

/// Readable means nothing while bytes wait that nobody reads: asks for the end of the stream alone.
void ServerConnection::look_for_leave() {
  if (listener_ == nullptr || client_left_ || !socket_.is_open()) return;
  pollfd asked{.fd = socket_.native_handle(), .events = POLLRDHUP, .revents = 0};
  if (::poll(&asked, 1, 0) <= 0) {
    leave_look_.expire_after(kLeaveLookInterval);
    return;
  }
  client_left_ = true;
  const auto self = shared_from_this();  // As above.
  listener_->on_client_left();
}

/// Takes into input_ what the socket holds; false when that is nothing.
bool ServerConnection::take_available() {
  if (!socket_watch_.may_read()) return false;
  error_code error;
  const std::size_t bytes = socket_watch_.read(input_.prepare(kInputBytes), kInputBytes, error);
  input_.commit(bytes);
  client_left_ = client_left_ || (error && error != asio::error::would_block);
  return bytes > 0;
}

ServerConnection::Write ServerConnection::write_now(std::string_view first,
                                                    std::string_view second) {
  OLLA_CHECK(!stalled());
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(first), asio::buffer(second)};
  error_code error;
  std::size_t sent = socket_.write_some(buffers, error);
  if (error && error != asio::error::would_block) return Write::kFailed;
  bytes_written_ += sent;
  if (sent == first.size() + second.size()) return Write::kDone;
  const std::size_t from_first = std::min(sent, first.size());
  pending_[0] = first.substr(from_first);
  pending_[1] = second.substr(sent - from_first);
  return Write::kBlocked;
}

Awaitable<bool> ServerConnection::flush() {
  while (stalled()) {
    set_phase(Phase::kWrite, Clock::now());
    const std::array<asio::const_buffer, 2> buffers = {asio::buffer(pending_[0]),
                                                       asio::buffer(pending_[1])};
    const auto [error, sent] = co_await socket_.async_write_some(buffers, kAwait);
    if (error) {
      pending_[0] = pending_[1] = {};
      expire_never();
      co_return false;
    }
    bytes_written_ += sent;
    const std::size_t from_first = std::min(sent, pending_[0].size());
    pending_[0].remove_prefix(from_first);
    pending_[1].remove_prefix(sent - from_first);
  }
  expire_never();
  co_return true;
}

Awaitable<bool> ServerConnection::write(std::string_view first, std::string_view second) {
  switch (write_now(first, second)) {
    case Write::kDone:
      co_return true;
    case Write::kFailed:
      co_return false;
    case Write::kBlocked:
      break;
  }
  co_return co_await flush();
}

void ServerConnection::drain() {
  draining_ = true;
  if (phase_ == Phase::kIdle && listener_ == nullptr) {
    socket_watch_.kick();
  } else if (phase_ == Phase::kLinger) {
    linger_end_ = std::min(linger_end_, Clock::now() + kLingerDraining);
    set_phase(Phase::kLinger, Clock::now());
  }
}

Awaitable<void> ServerConnection::linger_and_close() {
  error_code ignored;
  socket_.shutdown(Tcp::socket::shutdown_send, ignored);
  timed_out_ = false;
  linger_end_ = Clock::now() + rules_.linger_timeout_max;
  if (draining_) linger_end_ = Clock::now() + kLingerDraining;
  while (!client_left_ && socket_.is_open()) {
    set_phase(Phase::kLinger, Clock::now());
    input_.clear();
    if (!co_await more_input()) break;
  }
  expire_never();
  close();
}

void ServerConnection::close(bool reset) {
  error_code ignored;
  if (reset) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

}  // namespace olla::net
