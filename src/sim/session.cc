#include "sim/session.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "http/field.h"
#include "sim/wire.h"

namespace olla::sim {
namespace {

using Read = net::ServerConnection::Read;
using Write = net::ServerConnection::Write;

// What the real server's parser knows; other words are no HTTP to it.
constexpr auto kMethods = std::to_array<std::string_view>(
    {"DELETE",     "GET",      "HEAD",       "POST",     "PUT",    "CONNECT",   "OPTIONS",
     "TRACE",      "COPY",     "LOCK",       "MKCOL",    "MOVE",   "PROPFIND",  "PROPPATCH",
     "SEARCH",     "UNLOCK",   "BIND",       "REBIND",   "UNBIND", "ACL",       "REPORT",
     "MKACTIVITY", "CHECKOUT", "MERGE",      "M-SEARCH", "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE",
     "PATCH",      "PURGE",    "MKCALENDAR", "LINK",     "UNLINK", "SOURCE",    "QUERY"});

// The longest target that it reads.
constexpr std::size_t kTargetBytesMax = std::size_t{1} << 16U;

}  // namespace

Session::Session(SessionHost& host, std::shared_ptr<net::ServerConnection> connection)
    : host_(host), connection_(std::move(connection)) {}

net::Awaitable<void> Session::run() {
  // Not `while (co_await ...)`: gcc 12.2 makes a broken frame of such a loop (at -O0 and -O2).
  bool more = true;
  while (more) {
    more = co_await serve_request();
  }
  if (connection_->is_open()) co_await connection_->linger_and_close();
}

void Session::close_if_idle() {
  if (!busy_) connection_->close();
}

void Session::stop() {
  left_ = true;
  drop_generation();
  connection_->close();
  waiter_.wake();  // Last: the coroutine may end here, and the session with it.
}

/// Serves one request; false when the connection ends with it.
net::Awaitable<bool> Session::serve_request() {
  Read read = co_await connection_->read_head();
  if (read == Read::kRequest) read = co_await connection_->read_body();
  if (read == Read::kRefused) co_return co_await refuse();
  if (read == Read::kClosed) connection_->close();
  if (read != Read::kRequest) co_return false;
  if (!is_http()) co_return co_await refuse();
  if (is_websocket()) co_return co_await refuse_websocket();
  co_return co_await serve_whole_request();
}

bool Session::is_http() const {
  const http::RequestHead& head = connection_->head();
  return head.target.size() < kTargetBytesMax &&
         std::find(kMethods.begin(), kMethods.end(), head.method) != kMethods.end();
}

bool Session::is_websocket() const {
  const http::RequestHead& head = connection_->head();
  const auto upgrade = http::find_field(head.fields, "upgrade");
  return head.method == "GET" && upgrade && http::iequals(*upgrade, "websocket");
}

/// Of HTTP/1.0 no connection is kept, whatever its client says.
bool Session::closes() const {
  const http::RequestHead& head = connection_->head();
  return !head.keep_alive || head.minor_version == 0 || host_.closing();
}

net::Awaitable<bool> Session::serve_whole_request() {
  busy_ = true;
  status_ = 0;
  answer_bytes_ = 0;
  const TimePoint began = host_.time().now;
  const std::optional<Fault> fault = strike_request();
  bool sent = true;
  if (fault) sent = co_await suffer(*fault);
  if (!fault || (fault->kind == FaultKind::kDelay && sent)) sent = co_await serve_well();
  busy_ = false;
  count(began);
  if (!sent) connection_->close();
  co_return sent && !closes();
}

void Session::count(TimePoint began) {
  if (status_ == 0) return;
  const http::RequestHead& head = connection_->head();
  const ApiTime time = host_.time();
  const std::string handler = host_.api().handler(head.method, head.target);
  const double seconds = std::chrono::duration<double>(time.now - began).count();
  const HttpRecord record{handler,
                          head.method,
                          status_,
                          head.content_length,
                          answer_bytes_,
                          seconds,
                          static_cast<double>(time.unix_seconds)};
  host_.api().http_metrics().add(record);
}

/// What becomes of a request that nothing befalls, or no more than a delay.
net::Awaitable<bool> Session::serve_well() {
  std::optional<Answer> refused = host_.middleware().refuse(connection_->head());
  if (refused) {
    connection_->body().clear();
    co_return co_await write_answer(*refused, true);
  }
  Reply reply = ask();
  co_return co_await write_reply(reply);
}

std::optional<Fault> Session::strike_request() {
  const http::RequestHead& head = connection_->head();
  const std::string path = decoded_path(head.target);
  return host_.api().faults().strike_request(head.method, path, host_.time().now);
}

std::optional<Fault> Session::strike_stream() {
  const std::string path = decoded_path(connection_->head().target);
  return host_.api().faults().strike_stream(path, host_.time().now);
}

/// What befalls a request as a whole. False when the connection ends with it; after a delay the
/// request is still to be answered.
net::Awaitable<bool> Session::suffer(Fault fault) {
  switch (fault.kind) {
    case FaultKind::kReset:
      connection_->close(true);
      co_return false;
    case FaultKind::kGarbage:
      co_return co_await write_garbage();
    case FaultKind::kHang:
      connection_->watch(*this);
      co_await wait_for_the_client_to_leave();
      co_return false;
    case FaultKind::kDelay:
      connection_->watch(*this);
      co_await pause(fault.delay);
      connection_->unwatch();
      co_return !left_;
    default:
      break;
  }
  const std::string path = decoded_path(connection_->head().target);
  Answer answer = fault_answer(fault.kind, path, host_.api().dialect());
  connection_->body().clear();
  co_return co_await write_answer(answer);
}

net::Awaitable<void> Session::wait_for_the_client_to_leave() {
  while (!left_) {
    co_await waiter_.wait();
  }
}

net::Awaitable<void> Session::pause(Duration duration) {
  Pause pause(host_.deadlines(), waiter_);
  pause.expire_after(duration);
  while (!left_ && !pause.over()) {
    co_await waiter_.wait();
  }
}

net::Awaitable<bool> Session::write_garbage() {
  const std::string bytes = host_.api().faults().garbage();
  co_await connection_->write(bytes);
  co_return false;
}

/// The stream goes wrong here. True when its body has an end.
net::Awaitable<bool> Session::break_stream(FaultKind kind) {
  switch (kind) {
    case FaultKind::kStreamReset:
      connection_->close(true);
      co_return false;
    case FaultKind::kStreamEnd:
      co_return co_await connection_->write(kLastChunk);
    case FaultKind::kStreamHang:
      co_await wait_for_the_client_to_leave();
      co_return false;
    case FaultKind::kStreamGarbage:
      co_return co_await write_garbage();
    default:
      connection_->close();
      co_return false;
  }
}

net::Awaitable<bool> Session::refuse() {
  const std::string bytes = invalid_request(host_.time().unix_seconds);
  co_await connection_->write(bytes);
  co_return false;
}

net::Awaitable<bool> Session::refuse_websocket() {
  const std::string bytes = websocket_refusal(host_.time().unix_seconds);
  co_await connection_->write(bytes);
  co_return false;
}

Reply Session::ask() {
  const http::RequestHead& head = connection_->head();
  ApiRequest request;
  request.method = head.method;
  request.target = head.target;
  request.host = head.host;
  request.content_type = http::find_field(head.fields, "content-type");
  request.request_id = http::find_field(head.fields, "x-request-id");
  request.body = connection_->body().view();
  Reply reply = host_.api().handle(request, host_.time());
  // A long prompt need not stay in memory while its answer is written.
  connection_->body().clear();
  connection_->body().shrink(0);
  host_.on_submitted();
  return reply;
}

/// `reply` must outlive the returned awaitable.
net::Awaitable<bool> Session::write_reply(Reply& reply) {
  if (auto* answer = std::get_if<Answer>(&reply)) co_return co_await write_answer(*answer);
  generation_ = std::get<std::unique_ptr<Generation>>(std::move(reply));
  co_return co_await write_generation();
}

/// `answer` must outlive the returned awaitable.
net::Awaitable<bool> Session::write_answer(Answer& answer, bool refused) {
  const http::RequestHead& request = connection_->head();
  host_.middleware().finish(answer.headers, request, refused);
  // What the middleware refuses never comes to where requests are counted.
  if (!refused) status_ = answer.status;
  answer_bytes_ = answer.body.size();
  const HeadOptions options{host_.time().unix_seconds, closes()};
  const std::string head = answer_head(answer, options);
  const bool head_only = request.method == "HEAD";
  const std::string_view body = head_only ? std::string_view() : answer.body;
  co_return co_await connection_->write(head, body);
}

net::Awaitable<bool> Session::write_generation() {
  generation_->set_listener(this);
  connection_->watch(*this);
  bool sent = false;
  if (generation_->streamed()) {
    sent = co_await write_stream();
  } else {
    while (!left_ && !generation_->done()) {
      co_await waiter_.wait();
    }
    if (!left_) {
      Answer answer = generation_->answer();
      sent = co_await write_answer(answer);
    }
  }
  connection_->unwatch();
  drop_generation();
  co_return sent && !left_;
}

/// The head goes out before the first token, then each event as a chunk and a write of its own.
net::Awaitable<bool> Session::write_stream() {
  const http::RequestHead& request = connection_->head();
  HeaderFields fields = stream_fields(host_.api().dialect());
  host_.middleware().finish(fields, request, false);
  status_ = 200;
  const bool ends = !request.keep_alive || request.minor_version == 0;
  const HeadOptions options{host_.time().unix_seconds, ends};
  const std::string head = stream_head(fields, options);
  if (!co_await connection_->write(head)) co_return false;
  std::optional<Fault> fault = strike_stream();
  std::size_t sent = 0;
  while (!left_) {
    const bool strikes = fault && sent >= fault->after;
    if (strikes && fault->kind == FaultKind::kStreamError) {
      host_.api().fail(*generation_, host_.time().now);
      fault.reset();
    } else if (strikes && fault->kind != FaultKind::kStreamSlow) {
      co_return co_await break_stream(fault->kind);
    }
    const std::optional<std::string> event = generation_->take_event();
    if (event) {
      if (fault && strikes) co_await pause(fault->delay);
      if (left_) co_return false;
      const std::string bytes = chunk(*event);
      // Not by write(): nearly every client takes the event at once, and there are many.
      const Write written = connection_->write_now(bytes, {});
      if (written == Write::kFailed) co_return false;
      if (written == Write::kBlocked) {
        const bool flushed = co_await connection_->flush();
        if (!flushed) co_return false;
      }
      ++sent;
    } else if (generation_->done()) {
      co_return co_await connection_->write(kLastChunk);
    } else {
      co_await waiter_.wait();
    }
  }
  co_return false;
}

void Session::drop_generation() {
  if (!generation_) return;
  generation_->set_listener(nullptr);
  host_.api().leave(*generation_, Clock::now());
  generation_.reset();
}

/// Whatever the coroutine is waiting for, it ends now; from here on it leaves generation_ alone.
void Session::on_client_left() {
  left_ = true;
  drop_generation();
  if (waiter_.waiting()) {
    waiter_.wake();
  } else {
    connection_->close();  // a write to a client that reads no more
  }
}

void Session::on_ready() {
  waiter_.wake();
}

}  // namespace olla::sim
