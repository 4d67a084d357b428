#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/byte_buffer.h"
#include "base/error.h"
#include "fleet/address.h"
#include "net/deadlines.h"
#include "net/socket_watch.h"
#include "net/types.h"
#include "net/waiter.h"

namespace olla::net {

/// Asked while an endpoint is silent whether there is still somebody to wait for.
class SilenceJudge {
 public:
  virtual ~SilenceJudge() = default;
  virtual bool is_gone() = 0;
};

/// The client's side of one connection to an endpoint: bytes with deadlines.
///
/// Lives on one thread; one coroutine uses it at a time, and the connection must outlive its
/// awaitables. Errors of all awaitables, side kUpstream: kRefused (connect only), kTimeout, kClosed
/// (ended or reset by the endpoint), kCancelled (abort()).
class UpstreamConnection : private Deadline, private SocketListener {
 public:
  UpstreamConnection(asio::io_context& io, Deadlines& deadlines);

  /// Tries the addresses in turn, all within `limit`; each may take its share of the time that is
  /// left, so that a silent one does not keep the next from being tried. `addresses` must outlive
  /// the awaitable.
  ///
  /// Errors: kRefused with side kGateway when this process or machine has no descriptor or memory
  /// left for a socket: the endpoint is not to blame.
  Awaitable<Result<void>> connect(std::span<const fleet::Address> addresses, Duration limit);

  /// Lets TCP ask after each `silence`, in seconds, whether the endpoint's machine is still there;
  /// without an answer to several of them the connection is closed. 0: it never asks. After
  /// connect().
  void keep_alive(std::chrono::milliseconds silence);

  /// Writes both pieces and returns the number of bytes written; `limit` is the longest time that
  /// the endpoint may take no byte. Fewer than all: the endpoint takes no more for now, and sent
  /// bytes of its own, or closed. They can be read, and the rest be written afterwards.
  Awaitable<Result<std::size_t>> write(std::string_view first, std::string_view second,
                                       Duration limit);

  /// Waits for bytes and appends them to input(); at least one on success.
  Awaitable<Result<void>> read(Duration limit);

  /// From here on, while read() waits, the judge is asked after each kSilence without a byte; when
  /// it says that the endpoint is gone, the read ends with kClosed. Null: nobody is asked. The
  /// judge must outlive the connection or the next call.
  void judge_silence(SilenceJudge* judge) { judge_ = judge; }
  static constexpr std::chrono::milliseconds kSilence{500};

  /// Received and not yet used.
  [[nodiscard]] ByteBuffer& input() { return input_; }

  /// Closes at once, so that the endpoint sees the request as abandoned; a pending operation ends
  /// with kCancelled.
  void abort();

  /// After kClosed from read(): true when the endpoint ended its side in order, false when it reset
  /// the connection. A body that is delimited by the close is whole only after the former.
  [[nodiscard]] bool ended_in_order() const { return ended_in_order_; }

  /// True when an idle connection can be used: the endpoint neither closed it nor sent anything, as
  /// far as this turn of the loop knows. A request on one that closes meanwhile is asked anew.
  bool is_quiet();

  /// True when a request may follow on this connection.
  [[nodiscard]] bool is_open() const { return socket_.is_open(); }
  /// False until the connection has carried a whole exchange.
  [[nodiscard]] bool is_reused() const { return reused_; }
  void mark_reused() { reused_ = true; }

  TimePoint idle_since;  ///< Kept by the pool.

 private:
  void on_deadline() override;
  void on_socket_event() override { waiter_.wake(); }
  void on_socket_abandoned() override { waiter_.abandon(); }
  void expect_bytes(TimePoint now);
  std::size_t write_some(std::string_view first, std::string_view second, error_code& error);
  Awaitable<Result<bool>> becomes_writable(Duration limit);
  Error explain(error_code error, const char* what) const;

  Socket socket_;
  SocketWatch watch_;
  Waiter waiter_;
  ByteBuffer input_;
  std::size_t read_bytes_;
  SilenceJudge* judge_ = nullptr;
  TimePoint read_end_;  // Of the read that waits; otherwise the epoch.
  bool timed_out_ = false;
  bool gone_ = false;
  bool aborted_ = false;
  bool ended_in_order_ = false;
  bool reused_ = false;
};

}  // namespace olla::net
