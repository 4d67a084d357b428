#include "sim/session.h"

#include <utility>

#include "http/field.h"
#include "sim/wire.h"

namespace olla::sim {
namespace {

using Read = net::ServerConnection::Read;

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
  if (read == Read::kRefused) co_await refuse();
  if (read == Read::kClosed) connection_->close();
  if (read != Read::kRequest) co_return false;
  busy_ = true;
  Reply reply = ask();
  const bool sent = co_await write_reply(reply);
  busy_ = false;
  if (!sent) connection_->close();
  co_return sent && connection_->head().keep_alive && !host_.closing();
}

net::Awaitable<void> Session::refuse() {
  const std::string bytes = invalid_request(host_.time().unix_seconds);
  co_await connection_->write(bytes);
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
  if (const auto* answer = std::get_if<Answer>(&reply)) co_return co_await write_answer(*answer);
  generation_ = std::get<std::unique_ptr<Generation>>(std::move(reply));
  co_return co_await write_generation();
}

/// `answer` must outlive the returned awaitable.
net::Awaitable<bool> Session::write_answer(const Answer& answer) {
  const http::RequestHead& request = connection_->head();
  const bool closes = !request.keep_alive || host_.closing();
  const HeadOptions options{host_.time().unix_seconds, closes, host_.api().dialect()};
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
      const Answer answer = generation_->answer();
      sent = co_await write_answer(answer);
    }
  }
  connection_->unwatch();
  drop_generation();
  co_return sent && !left_;
}

/// The head goes out before the first token, then each event as a chunk and a write of its own.
net::Awaitable<bool> Session::write_stream() {
  const bool closes = !connection_->head().keep_alive;
  const HeadOptions options{host_.time().unix_seconds, closes, host_.api().dialect()};
  const std::string head = stream_head(options);
  if (!co_await connection_->write(head)) co_return false;
  while (!left_) {
    const std::optional<std::string> event = generation_->take_event();
    if (event) {
      const std::string bytes = chunk(*event);
      if (!co_await connection_->write(bytes)) co_return false;
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
