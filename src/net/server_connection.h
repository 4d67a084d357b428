#pragma once

#include <boost/asio/buffer.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_buffer.h"
#include "http/body.h"
#include "http/head.h"
#include "net/deadlines.h"
#include "net/socket_watch.h"
#include "net/types.h"
#include "net/waiter.h"

namespace olla::net {

/// Limits and deadlines of one client connection.
struct ConnectionRules {
  std::chrono::milliseconds idle_timeout;         ///< Longest wait for the next request.
  std::chrono::milliseconds read_header_timeout;  ///< From a head's first byte to its last.
  std::chrono::milliseconds read_timeout;         ///< Longest silence while a body arrives.
  std::chrono::milliseconds write_timeout;        ///< Longest time that a client takes no byte.
  http::HeadLimits head;
  std::uint64_t max_body_size;  ///< Bytes of payload.
  /// Longest silence of a client that goes on sending although it has its last answer: a slow
  /// uploader shall get the answer that refuses its body.
  std::chrono::milliseconds linger_timeout{2000};
  /// And how long it is heard out in all.
  std::chrono::milliseconds linger_timeout_max{30'000};
};

/// Told that the client left while its request was being answered.
class LeaveListener {
 public:
  virtual ~LeaveListener() = default;
  virtual void on_client_left() = 0;
};

/// The server's side of one HTTP/1.1 connection: reads requests, writes answers, notices a client
/// that leaves. Knows nothing of what a request means; shared by the gateway and the simulator.
///
/// Lives on one thread. One coroutine calls its awaitables, one after the other:
///
///     for (;;) {
///       Read read = co_await c->read_head();
///       if (read == Read::kRequest) read = co_await c->read_body();
///       if (read != Read::kRequest) break;   // With kRefused: answer by c->refusal() first.
///       c->watch(listener);  ... write ...  c->unwatch();
///     }
///
/// Always held by shared_ptr: a listener may let go of it while it is being told.
class ServerConnection : public std::enable_shared_from_this<ServerConnection>,
                         private Deadline,
                         private SocketListener {
 public:
  enum class Read : std::uint8_t {
    kRequest,  ///< What was asked for is there.
    kClosed,   ///< Nothing more comes, and nobody waits for an answer.
    kRefused,  ///< Answer with refusal(), then close.
  };
  enum class Write : std::uint8_t { kDone, kBlocked, kFailed };

  ServerConnection(Socket socket, Deadlines& deadlines, const ConnectionRules& rules);

  /// Waits for the next request and reads its head. After kRequest head() is valid until the next
  /// call. kClosed also when the connection was idle too long or is_draining().
  Awaitable<Read> read_head();
  /// Reads the body into body(), announcing 100 Continue first when the client waits for it.
  Awaitable<Read> read_body();

  [[nodiscard]] const http::RequestHead& head() const { return head_; }
  /// The body's payload. The caller may move it out to free its memory early.
  [[nodiscard]] ByteBuffer& body() { return body_; }
  [[nodiscard]] std::span<const http::Field> trailers() const { return trailers_; }
  [[nodiscard]] const http::Refusal& refusal() const { return refusal_; }
  /// When the first byte of the current request was seen.
  [[nodiscard]] TimePoint request_start() const { return request_start_; }
  /// The client's address without port, as text.
  [[nodiscard]] const std::string& client_address() const { return client_address_; }

  /// From here until unwatch() the listener hears when the client closes its side or resets.
  /// A half-closed client counts as gone: vLLM takes it so too, and aborts.
  void watch(LeaveListener& listener);
  void unwatch() { listener_ = nullptr; }
  [[nodiscard]] bool client_left() const { return client_left_; }

  /// Writes what the socket takes at once. kBlocked: the rest is remembered (not copied: the bytes
  /// must stay valid) and must be flushed before the next write.
  Write write_now(std::string_view first, std::string_view second = {});
  /// Waits until the remembered rest is written; false when the client is gone or takes nothing.
  Awaitable<bool> flush();
  /// Both in one.
  Awaitable<bool> write(std::string_view first, std::string_view second = {});
  /// Payload and framing bytes written since construction.
  [[nodiscard]] std::uint64_t bytes_written() const { return bytes_written_; }
  /// Bytes handed over but not yet taken by the kernel.
  [[nodiscard]] bool stalled() const { return !pending_[0].empty() || !pending_[1].empty(); }

  /// Says that the connection ends after the current request: an idle one is closed at once.
  void drain();
  [[nodiscard]] bool is_draining() const { return draining_; }

  /// Closes after an answer that ends the connection: stops sending, then takes what the client
  /// still sends until it ends or falls silent, so that unread request bytes do not turn into a
  /// reset that destroys the answer (RFC 9112, section 9.6). Short when is_draining().
  Awaitable<void> linger_and_close();
  /// Closes at once. `reset`: with RST, so that a body delimited by the close does not look whole.
  void close(bool reset = false);
  [[nodiscard]] bool is_open() const { return socket_.is_open(); }

 private:
  enum class Phase : std::uint8_t { kIdle, kHead, kBody, kWrite, kLinger };

  /// Beside the deadline of the phase, which may be running for a write at the same time.
  class LeaveLook : public Deadline {
   public:
    LeaveLook(Deadlines& deadlines, ServerConnection& owner) : Deadline(deadlines), owner_(owner) {}

   private:
    void on_deadline() override { owner_.look_for_leave(); }
    ServerConnection& owner_;
  };

  void on_deadline() override;
  void on_socket_event() override;
  void on_socket_abandoned() override { input_waiter_.abandon(); }
  void set_phase(Phase phase, TimePoint now);
  Awaitable<bool> more_input();
  bool take_body();
  Awaitable<Read> read_sized_body();
  Awaitable<Read> read_chunked_body();
  Awaitable<Read> read_trailers();
  Awaitable<bool> fill_body(std::size_t room);
  Read refuse(http::Refusal refusal);
  Read stopped_reading();
  void read_part_of_head(std::size_t skipped);
  [[nodiscard]] bool stops_waiting() const;
  void look_ahead();
  void look_for_leave();
  bool take_available();

  Socket socket_;
  SocketWatch socket_watch_;
  const ConnectionRules& rules_;
  std::string client_address_;
  Phase phase_ = Phase::kIdle;
  bool timed_out_ = false;
  bool draining_ = false;
  bool client_left_ = false;
  LeaveListener* listener_ = nullptr;
  LeaveLook leave_look_;  // Runs when so much was read ahead that readable says nothing any more.
  TimePoint linger_end_;
  Waiter input_waiter_;
  ByteBuffer input_;  // Received and not yet taken as head or body.
  std::string head_bytes_;
  http::RequestHead head_;
  ByteBuffer body_;
  std::string trailer_bytes_;
  std::vector<http::Field> trailers_;
  http::Refusal refusal_{};
  TimePoint request_start_;
  std::string_view pending_[2];
  std::uint64_t bytes_written_ = 0;
};

}  // namespace olla::net
