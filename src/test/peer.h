#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/types.h"
#include "test/loop.h"

namespace olla::test {

/// The other end of a connection under test: sends what the test says, keeps what it gets. All on
/// the test's loop, so that the test decides when anything moves.
class Peer : public std::enable_shared_from_this<Peer> {
 public:
  /// Connects to a port of 127.0.0.1.
  static std::shared_ptr<Peer> connect(Loop& loop, std::uint16_t port);
  explicit Peer(net::Socket socket) : socket_(std::move(socket)) {}

  /// Begins to read, and goes on until the end; without it the kernel holds what was sent.
  void read();
  /// Called after every piece that was read.
  std::function<void()> on_read;

  /// Sends `bytes` after what was handed in before; returns at once.
  void send(std::string_view bytes);
  /// Whether everything handed in was taken by the kernel.
  [[nodiscard]] bool all_sent() const { return unsent_.empty(); }

  void close_sending_side();
  void close();
  /// Closes so that the other end sees a reset.
  void reset();

  [[nodiscard]] const std::string& received() const { return received_; }
  /// Forgets what was received.
  std::string take() { return std::exchange(received_, {}); }
  /// Puts bytes that were taken back in front.
  void put_back(std::string_view bytes) { received_.insert(0, bytes); }
  /// The other end closed, in order or with a reset.
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool was_reset() const { return was_reset_; }

 private:
  void read_on();
  void send_on();

  net::Socket socket_;
  std::array<char, 16 * 1024> room_{};
  std::string received_;
  std::string unsent_;
  bool sending_ = false;
  bool shutdown_after_ = false;
  bool ended_ = false;
  bool was_reset_ = false;
};

/// Both ends of a connection over loopback: `socket` is the one for the code under test.
struct Pair {
  net::Socket socket;
  std::shared_ptr<Peer> peer;
};
Pair make_pair(Loop& loop);

/// A port of 127.0.0.1 where nobody listens; it stays free for as long as the object lives.
class DeadPort {
 public:
  explicit DeadPort(Loop& loop);
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  net::Socket bound_;  // Bound and not listening: a connection is refused.
  std::uint16_t port_ = 0;
};

/// Open file descriptors of this process.
std::size_t open_descriptors();

}  // namespace olla::test
