#pragma once

#include <cstddef>

#include "net/types.h"

namespace olla::net {

/// Told on the socket's thread that a SocketWatch has something to say.
class SocketListener {
 public:
  virtual ~SocketListener() = default;
  /// The socket may have something to read, takes bytes again, was closed, or was kicked. May
  /// destroy the watch.
  virtual void on_socket_event() = 0;
  /// The io_context is being destroyed: nothing more will be told. Coroutines that wait for it are
  /// to be destroyed.
  virtual void on_socket_abandoned() = 0;
};

/// Waits for what happens on a connected socket, and reads from it, with as few system calls as
/// that needs: one read per piece, and none to arm a wait.
///
/// Asio's own operations read before they wait, and arm each wait for readiness anew. Here epoll
/// tells of every edge, whether somebody waits or not; and each read learns from the kernel whether
/// anything is left (TCP_INQ), an end included. So it is known without a further call when a read
/// would find nothing.
///
/// Of one thread. While it is started nobody else may read from the socket, wait for it to become
/// readable or call its cancel(), which would end the watch as well.
class SocketWatch {
 public:
  /// Both must outlive the watch.
  SocketWatch(Socket& socket, SocketListener& listener) : socket_(socket), listener_(listener) {}
  ~SocketWatch() { stop(); }
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;

  /// Begins, with the socket that is open now. It ends when that is closed.
  void start();

  /// False: a read would find nothing, and the listener will be told when that changes.
  [[nodiscard]] bool may_read() const;
  /// Reads what is there. error::would_block: nothing is; error::eof: the other side ended.
  std::size_t read(char* to, std::size_t room, error_code& error);
  /// Nothing is there to be read, as the caller found out otherwise.
  void note_empty();

  /// From now on the listener is also told when the socket takes bytes again. After a write that
  /// would have blocked.
  void await_writable();
  /// Whether it has become writable since this was asked the last time.
  bool take_writable();

  /// Has the listener told, though not within this call.
  void kick();

 private:
  class State;
  void stop();

  Socket& socket_;
  SocketListener& listener_;
  State* state_ = nullptr;  // Lives until Asio has given back the operations that are part of it.
};

}  // namespace olla::net
