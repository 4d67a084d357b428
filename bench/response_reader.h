#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/event_text.h"
#include "bench/latencies.h"

namespace olla::bench {

/// Finds the end of one response, and in a stream how long each event was on its way.
class ResponseReader {
 public:
  enum class State { kMore, kWhole };

  /// Takes bytes that came at `now`. The delays of events go to `delays`.
  State feed(std::string_view bytes, std::int64_t now, Latencies& delays);
  void reset();

  /// Of the head; 0 as long as that is not whole.
  [[nodiscard]] int status() const { return status_; }
  /// The server ends the connection with this response.
  [[nodiscard]] bool closes() const { return closes_; }

 private:
  State feed_body(std::string_view bytes, std::int64_t now, Latencies& delays);
  void read_head(std::string_view head);

  std::string head_;
  int status_ = 0;
  bool closes_ = false;
  bool chunked_ = false;
  std::uint64_t body_left_ = 0;
  SentTimes sent_times_;
};

}  // namespace olla::bench
