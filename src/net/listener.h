#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/types.h"

namespace olla::net {

/// Somebody who takes connections, on an io_context of its own.
class ConnectionSink {
 public:
  virtual ~ConnectionSink() = default;
  virtual asio::io_context& io() = 0;
  /// The socket lives on io(). Called on the listener's thread.
  virtual void serve(Socket socket) = 0;
};

/// Listens on every address of a host name and hands out accepted sockets.
class Listener {
 public:
  /// Who gets the next connection. Called on the listener's thread.
  using Choose = std::function<ConnectionSink&()>;

  explicit Listener(asio::io_context& io) : io_(io) {}

  /// Binds and listens; "::" is all addresses of IPv4 too. With port 0 the system picks one, the
  /// same for all addresses. Errors: kRefused, side kGateway, with the address in `detail`.
  Result<std::uint16_t> open(const std::string& host, std::uint16_t port);

  /// Whether open() could: the name leads to addresses, this machine has one of them, and this
  /// process may use the port. A port in use is none of its business. Nobody is served meanwhile.
  /// Errors: as open(), `detail` without the address.
  static Result<void> check(const std::string& host, std::uint16_t port);

  /// Accepts until close(). `choose` and what it returns must stay valid until then.
  void start(Choose choose);

  /// Stops listening: new connections are refused from here on.
  void close();

 private:
  error_code take(const std::string& host, std::uint16_t port, bool listens);
  Awaitable<void> accept_loop(Acceptor& acceptor);

  asio::io_context& io_;
  Choose choose_;
  std::vector<Acceptor> acceptors_;
};

}  // namespace olla::net
