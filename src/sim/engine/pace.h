#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "sim/engine/stats.h"
#include "sim/engine/task.h"

namespace olla::sim::engine {

/// One token that a client has.
struct Output {
  RequestId request;
  std::uint32_t token = 0;
  TimePoint time;                      ///< When the client had it, not when it was asked.
  std::optional<FinishReason> finish;  ///< Set on the last token of a request.
  std::size_t cached_tokens = 0;       ///< Of the prompt, those that were not computed.
};

/// Decides when each request has its tokens. Requests are numbered from 0 on, as they come.
///
/// No I/O and no clock: time is an argument that never goes back. The caller submits requests, asks
/// next_time() when something is due, and takes the tokens one by one with next(). What happens at
/// a time does not depend on how often it asks. Not thread-safe.
class Pace {
 public:
  virtual ~Pace() = default;

  /// Takes a request. Its source is asked for no token any more once it has ended.
  virtual RequestId submit(Request request, TimePoint now) = 0;

  /// When next() may have something, or work goes on; nullopt while nothing runs or waits.
  [[nodiscard]] virtual std::optional<TimePoint> next_time() const = 0;

  /// The earliest token that is with its client at `now` and was not taken yet, or nullopt. Tokens
  /// come in the order of their times.
  virtual std::optional<Output> next(TimePoint now) = 0;

  /// Does what is due at `now`, without taking tokens: statistics are up to date afterwards.
  virtual void advance(TimePoint now) = 0;

  /// Ends a request at the token that its client had last, as a stop string does. One that has
  /// ended already, or never was, is ignored.
  virtual void stop(RequestId id, TimePoint now) = 0;

  /// Drops a request because its client left. Ignored if it has ended.
  virtual void abort(RequestId id, TimePoint now) = 0;

  /// Forgets all prefixes; false while any request holds blocks.
  virtual bool reset_prefixes(TimePoint now) = 0;

  /// As of the last call with a time.
  [[nodiscard]] virtual const Stats& stats() const = 0;
};

}  // namespace olla::sim::engine
