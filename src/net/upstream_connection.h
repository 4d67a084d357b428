#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/byte_buffer.h"
#include "base/error.h"
#include "fleet/address.h"
#include "net/deadlines.h"
#include "net/types.h"

namespace olla::net {

/// The client's side of one connection to an endpoint: bytes with deadlines.
///
/// Lives on one thread; one coroutine uses it at a time. Errors of all awaitables, side kUpstream:
/// kRefused (connect only), kTimeout, kClosed (ended or reset by the endpoint), kCancelled
/// (abort()).
class UpstreamConnection : private Deadline {
 public:
  UpstreamConnection(asio::io_context& io, Deadlines& deadlines);

  /// Tries the addresses in turn, all within `limit`. `addresses` must outlive the awaitable.
  Awaitable<Result<void>> connect(std::span<const fleet::Address> addresses, Duration limit);

  /// Writes both pieces; `limit` is the longest time that the endpoint may take no byte.
  Awaitable<Result<void>> write(std::string_view first, std::string_view second, Duration limit);

  /// Waits for bytes and appends them to input(); at least one on success.
  Awaitable<Result<void>> read(Duration limit);

  /// Received and not yet used.
  [[nodiscard]] ByteBuffer& input() { return input_; }

  /// Closes at once, so that the endpoint sees the request as abandoned; a pending operation ends
  /// with kCancelled.
  void abort();

  /// After kClosed from read(): true when the endpoint ended its side in order, false when it reset
  /// the connection. A body that is delimited by the close is whole only after the former.
  [[nodiscard]] bool ended_in_order() const { return ended_in_order_; }

  /// True when an idle connection can be used: the endpoint neither closed it nor sent anything.
  bool is_quiet();

  /// True when a request may follow on this connection.
  [[nodiscard]] bool is_open() const { return socket_.is_open(); }
  /// False until the connection has carried a whole exchange.
  [[nodiscard]] bool is_reused() const { return reused_; }
  void mark_reused() { reused_ = true; }

  TimePoint idle_since;  ///< Kept by the pool.

 private:
  void on_deadline() override;
  Error explain(error_code error, const char* what) const;

  Socket socket_;
  ByteBuffer input_;
  std::size_t read_bytes_;
  bool timed_out_ = false;
  bool aborted_ = false;
  bool ended_in_order_ = false;
  bool reused_ = false;
};

}  // namespace olla::net
