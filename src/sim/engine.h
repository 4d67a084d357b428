#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <queue>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/strong.h"
#include "sim/engine/histogram.h"
#include "sim/text.h"

namespace olla::sim {

using engine::Histogram;

/// How fast and how large the simulated engine is.
struct EngineRules {
  /// From the start of a sequence to its first token; the wait in the queue comes on top.
  Duration ttft = std::chrono::milliseconds(50);
  /// Between two tokens of a sequence.
  Duration itl = std::chrono::milliseconds(10);
  /// Sequences that run at once; the others wait in the order of their arrival. At least 1.
  std::size_t max_num_seqs = 256;
  /// Requests that may be running or waiting when another one comes; 0: any number. Waiting alone
  /// would fit the name of vLLM's flag better, but a server with 2 running and 2 waiting ones was
  /// seen to refuse under a limit of 4.
  std::size_t max_num_queued_reqs = 0;
  /// Tokens of prompt and answer together.
  std::size_t max_model_len = 8192;
  /// Tokens that the KV cache holds, for the usage that the metrics show; nothing is refused for
  /// it. The default is about what an 80 GB GPU has left beside an 8B model.
  std::size_t kv_capacity_tokens = 262'144;
};

using SequenceId = Strong<struct SequenceIdTag, std::uint64_t>;

enum class FinishReason : std::uint8_t {
  kStop,    ///< The model ended the text, or a stop string was met.
  kLength,  ///< The limit on tokens was met.
};

/// One answer to be generated.
struct Sequence {
  std::vector<TokenId> prompt;  ///< Not empty.
  TextGenerator text;
  std::size_t tokens_max = 1;  ///< The answer's length at most; at least 1.
  std::size_t tokens_min = 0;  ///< The model does not end the text before.
  bool ignore_end = false;     ///< The model never ends the text.
};

/// One token of one sequence.
struct TokenEvent {
  SequenceId sequence;
  TokenId token = 0;
  TimePoint time;                      ///< When the engine produced it, not when it was asked.
  std::optional<FinishReason> finish;  ///< Set on the last token of a sequence.
};

/// What the engine did so far, as vLLM's metrics count it.
struct EngineStats {
  EngineStats();

  std::size_t running = 0;
  std::size_t waiting = 0;
  std::size_t running_tokens = 0;   ///< Of the running sequences, prompt and answer.
  std::uint64_t prompt_tokens = 0;  ///< Counted when a sequence has its first token.
  std::uint64_t generation_tokens = 0;
  std::array<std::uint64_t, 2> finished{};  ///< By FinishReason.
  /// Sequences whose client left. vLLM counts these nowhere.
  std::uint64_t aborted = 0;

  // Seconds; observed when a sequence finishes, except the first two.
  Histogram time_to_first_token;
  Histogram inter_token_latency;
  Histogram e2e_latency;
  Histogram queue_time;
  Histogram inference_time;
  Histogram prefill_time;
  Histogram decode_time;
  Histogram time_per_output_token;
  // Tokens, of finished sequences.
  Histogram request_prompt_tokens;
  Histogram request_generation_tokens;
  Histogram request_max_tokens;
};

/// Produces the tokens of many sequences at fixed intervals: a first token `ttft` after a sequence
/// started, then one every `itl`.
///
/// No I/O and no clock: time is an argument that never goes back. The caller submits sequences,
/// asks next_time() when something is due, and takes the tokens one by one with next(), so that it
/// can finish a sequence at the very token that ends it.
///
/// Not thread-safe. The tokenizer of the sequences must outlive the engine.
class Engine {
 public:
  explicit Engine(const EngineRules& rules);

  /// Starts the sequence now, or queues it behind those that wait.
  SequenceId submit(Sequence sequence, TimePoint now);

  /// When next() has something; nullopt while nothing runs.
  [[nodiscard]] std::optional<TimePoint> next_time() const;

  /// The earliest token due at `now` that was not taken yet, or nullopt. Tokens come in the order
  /// of their times; those of one time in the order in which the sequences were submitted.
  std::optional<TokenEvent> next(TimePoint now);

  /// Ends a sequence at its latest token, as a stop string does. One that has ended already, or
  /// never was, is ignored.
  void stop(SequenceId id, TimePoint now);

  /// Drops a sequence, running or waiting, because its client left. Ignored if it has ended.
  void abort(SequenceId id, TimePoint now);

  [[nodiscard]] const EngineStats& stats() const { return stats_; }
  [[nodiscard]] const EngineRules& rules() const { return rules_; }

 private:
  struct State {
    Sequence sequence;
    TimePoint arrived;
    TimePoint started;
    TimePoint first_token;
    TimePoint last_token;
    std::size_t tokens = 0;
    bool running = false;
  };
  /// A sequence that ended leaves its entry behind; it is skipped when it comes up.
  struct Due {
    TimePoint time;
    SequenceId id;
    friend auto operator<=>(const Due&, const Due&) = default;
  };
  using States = std::unordered_map<SequenceId, State>;

  void start(SequenceId id, State& state, TimePoint now);
  void start_waiting(TimePoint now);
  void record_token(State& state, TimePoint time);
  void record_finish(const State& state, FinishReason reason);
  void remove(States::iterator at, TimePoint now);
  void skip_ended();

  EngineRules rules_;
  EngineStats stats_;
  States states_;
  std::deque<SequenceId> queue_;  // waiting, first come first served; may hold aborted ones
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::uint64_t next_id_ = 0;
};

}  // namespace olla::sim
