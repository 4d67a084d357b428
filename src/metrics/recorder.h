#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "metrics/client_sketch.h"
#include "metrics/counter.h"
#include "metrics/histogram.h"
#include "metrics/request_record.h"

namespace olla::metrics {

/// What one thread counted of the requests for one model on one endpoint.
struct Cell {
  Cell(EndpointId endpoint_in, std::string model_in)
      : endpoint(endpoint_in), model(std::move(model_in)) {}

  const EndpointId endpoint;
  const std::string model;  ///< Empty: of requests that named none.

  // A request is one of these three. Their sum is nowhere else, so that no reader sees it differ.
  Counter successes;
  Counter failures;
  Counter clients_left;
  Counter failed_tries;              ///< Also of requests that another endpoint then answered.
  std::array<Counter, 6> by_status;  ///< By the first digit; [0]: no answer began.
  Counter first_tries;               ///< Requests that had this endpoint first.
  Counter later_tries;
  Counter fallbacks;
  Counter bytes_in;
  Counter bytes_out;
  Counter prompt_tokens;
  Counter completion_tokens;
  Counter cached_tokens;
  Counter failures_in_a_row;
  Counter latency_microseconds;      ///< Summed over the successes.
  Counter latency_microseconds_min;  ///< 0: none yet.
  Counter latency_microseconds_max;
  Counter last_requested;  ///< Ticks of Clock; so are these two.
  Counter last_success;
  Counter last_failure;
  ClientSketch clients;
  Histogram duration{kDurationBounds};
  Histogram first_token{kFirstTokenBounds};
  Histogram inter_token{kInterTokenBounds};

  Cell* next = nullptr;  // In the recorder's list; set before the cell is seen by others.
};

/// What one thread counted of requests over the route of the Messages API.
struct MessagesCounters {
  Counter requests;
  Counter successes;  ///< With a status under 400.
  Counter passed_through;
  Counter streams;
  Counter without_endpoint;
  Counter latency_microseconds;  ///< Summed over all.
};

/// Counts by words that stand in the code, such as the codes of errors.
class WordCounters {
 public:
  static constexpr std::size_t kMax = 64;  ///< The code has about 40; further ones are "other".

  /// Counts one. For the owning thread; `word` is a literal.
  void add(std::string_view word);

  /// Calls `visit(word, count)` for each. Any thread.
  template <class Visit>
  void each(Visit visit) const {
    const std::size_t size = size_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < size; ++i)
      visit(words_[i], counts_[i].value());
  }

 private:
  std::array<std::string_view, kMax> words_;
  std::array<Counter, kMax> counts_;
  std::atomic<std::size_t> size_{0};
};

/// The counts of one thread. That thread records; every thread may read, without a lock on either
/// side: cells are only ever added, at the front of a list, and each number has one writer.
class Recorder {
 public:
  /// Cells of one thread at most; what goes beyond is counted as kUnknownModel, of which there is
  /// one cell for each endpoint. A fleet has hundreds.
  static constexpr std::size_t kCellsMax = 1024;

  Recorder() = default;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder();

  /// Counts a request, once, at its end. Its outcome comes last: who reads the outcomes first finds
  /// all of these requests in the other counters and in the cells.
  void record(const RequestRecord& request, TimePoint now);

  /// A try on the endpoint failed, whatever became of the request.
  void note_failed_try(EndpointId endpoint, std::string_view model);

  /// Where the gaps of a stream of this model from this endpoint go. Lives as long as the recorder.
  Histogram& gaps(EndpointId endpoint, std::string_view model) {
    return cell(endpoint, model).inter_token;
  }

  // For readers, on any thread.
  [[nodiscard]] const Cell* cells() const { return first_.load(std::memory_order_acquire); }
  [[nodiscard]] const WordCounters& rejected() const { return rejected_; }
  [[nodiscard]] const WordCounters& failed() const { return failed_; }
  [[nodiscard]] const MessagesCounters& messages() const { return messages_; }
  [[nodiscard]] std::uint64_t outcomes(Outcome outcome) const {
    return outcomes_[static_cast<std::size_t>(outcome)].load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t retries() const { return retries_.value(); }
  [[nodiscard]] std::uint64_t tries() const { return tries_.value(); }
  [[nodiscard]] std::uint64_t sticky_tries() const { return sticky_tries_.value(); }
  [[nodiscard]] std::uint64_t queued() const { return queued_.value(); }
  [[nodiscard]] std::uint64_t queued_microseconds() const { return queued_microseconds_.value(); }
  [[nodiscard]] std::uint64_t bytes_in() const { return bytes_in_.value(); }
  [[nodiscard]] std::uint64_t bytes_out() const { return bytes_out_.value(); }

 private:
  struct Key {
    EndpointId endpoint;
    std::string_view model;  // In its cell, or of the search.
  };
  struct Hash {
    std::size_t operator()(const Key& key) const;
  };
  struct Equal {
    bool operator()(const Key& one, const Key& other) const;
  };

  Cell& cell(EndpointId endpoint, std::string_view model);
  void record_on_endpoint(const RequestRecord& request, TimePoint now);
  void record_messages(const RequestRecord& request);

  std::unordered_map<Key, Cell*, Hash, Equal> index_;  // Of the owning thread.
  std::atomic<Cell*> first_{nullptr};
  std::size_t named_ = 0;  // Cells of models that have a name of their own.
  WordCounters rejected_;
  WordCounters failed_;
  MessagesCounters messages_;
  std::array<std::atomic<std::uint64_t>, kOutcomes> outcomes_{};
  Counter tries_;
  Counter sticky_tries_;
  Counter retries_;
  Counter queued_;
  Counter queued_microseconds_;
  Counter bytes_in_;
  Counter bytes_out_;
};

}  // namespace olla::metrics
