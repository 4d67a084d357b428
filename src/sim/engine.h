#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "sim/engine/pace.h"
#include "sim/engine/profile.h"
#include "sim/engine/stats.h"
#include "sim/text.h"
#include "sim/token_rules.h"

namespace olla::sim {

using engine::FinishReason;
using engine::Histogram;
using EngineStats = engine::Stats;
using SequenceId = engine::RequestId;

/// How fast and how large the simulated engine is.
struct EngineRules {
  /// Steps as a real engine has them, with this hardware and these limits; the following five do
  /// not count then. nullptr: a steady pace.
  std::shared_ptr<const engine::Profile> profile;
  engine::Policy policy = engine::Policy::kFcfs;

  /// From the start of a sequence to its first token; the wait in the queue comes on top.
  Duration ttft = std::chrono::milliseconds(50);
  /// Between two tokens of a sequence.
  Duration itl = std::chrono::milliseconds(10);
  /// Sequences that run at once; the others wait in the order of their arrival. At least 1.
  std::size_t max_num_seqs = 256;
  /// Blocks of 16 tokens of the KV cache, for the usage that the metrics show; nothing is refused
  /// for it. The default is about what an 80 GB GPU has left beside an 8B model.
  std::size_t num_gpu_blocks = 16'384;

  /// Requests that may be running or waiting when another one comes; 0: any number. Waiting alone
  /// would fit the name of vLLM's flag better, but a server with 2 running and 2 waiting ones was
  /// seen to refuse under a limit of 4.
  std::size_t max_num_queued_reqs = 0;
  /// Tokens of prompt and answer together. They must fit the profile's KV cache.
  std::size_t max_model_len = 8192;
};

/// One answer to be generated.
struct Sequence {
  std::vector<TokenId> prompt;  ///< Not empty.
  TextGenerator text;
  std::size_t tokens_max = 1;    ///< The answer's length at most; at least 1.
  std::size_t tokens_min = 0;    ///< The model does not end the text before.
  bool ignore_end = false;       ///< The model never ends the text.
  std::uint64_t cache_salt = 0;  ///< Only those with the same one share prefixes.
  std::int64_t priority = 0;     ///< The smaller the sooner, under the policy that looks at it.
  std::size_t samples = 1;       ///< Answers that its request asked for; only counted.
  std::shared_ptr<const TokenRules> rules = nullptr;  ///< nullptr: the text as it is.
  std::uint64_t seed = 0;                             ///< Of what the rules leave to chance.
};

/// One token of one sequence.
struct TokenEvent {
  SequenceId sequence;
  TokenId token = 0;
  TimePoint time;                      ///< When the client had it, not when it was asked.
  std::optional<FinishReason> finish;  ///< Set on the last token of a sequence.
  std::size_t cached_tokens = 0;       ///< Of the prompt, those that were not computed.
};

/// Writes the texts of many sequences at the pace of a simulated vLLM engine.
///
/// No I/O and no clock: time is an argument that never goes back. The caller submits sequences,
/// asks next_time() when something is due, and takes the tokens one by one with next(), so that it
/// can finish a sequence at the very token that ends it.
///
/// Not thread-safe. The tokenizer of the sequences must outlive the engine.
class Engine {
 public:
  explicit Engine(const EngineRules& rules);

  /// Takes a sequence: it waits until there is room for it.
  SequenceId submit(Sequence sequence, TimePoint now);

  /// When next() may have something; nullopt while nothing runs.
  [[nodiscard]] std::optional<TimePoint> next_time() const { return pace_->next_time(); }

  /// The earliest token due at `now` that was not taken yet, or nullopt. Tokens come in the order
  /// of their times; those of one time in the order in which the sequences were submitted.
  std::optional<TokenEvent> next(TimePoint now);

  /// Brings the statistics up to `now`.
  void advance(TimePoint now) { pace_->advance(now); }

  /// Ends a sequence at its latest token, as a stop string does. One that has ended already, or
  /// never was, is ignored.
  void stop(SequenceId id, TimePoint now);

  /// Drops a sequence, running or waiting, because its client left. Ignored if it has ended.
  void abort(SequenceId id, TimePoint now);

  /// Forgets all prefixes; false while any sequence holds blocks.
  bool reset_prefixes(TimePoint now) { return pace_->reset_prefixes(now); }

  [[nodiscard]] const EngineStats& stats() const { return pace_->stats(); }

 private:
  /// Gives the tokens of one text, and knows where it ends.
  class Writer : public engine::TokenSource {
   public:
    explicit Writer(Sequence sequence) : sequence_(std::move(sequence)) {}
    Sample sample() override;

   private:
    TokenId choose(TokenId natural, bool may_stop);

    Sequence sequence_;
    std::vector<TokenId> before_;  // only with rules
    std::size_t tokens_ = 0;
  };

  std::unordered_map<SequenceId, std::unique_ptr<Writer>> writers_;
  std::unique_ptr<engine::Pace> pace_;
};

}  // namespace olla::sim
