#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/strong.h"
#include "sim/engine/block_hash.h"
#include "sim/engine/kv_cache.h"

namespace olla::sim::engine {

using RequestId = Strong<struct RequestIdTag, std::uint64_t>;

enum class FinishReason : std::uint8_t {
  kStop,    ///< The model ended the text, or a stop string was met.
  kLength,  ///< The limit on tokens was met.
};

/// Where the tokens of one request come from.
class TokenSource {
 public:
  struct Sample {
    std::uint32_t token = 0;
    bool ends = false;  ///< The model ends the text with it.
  };
  virtual ~TokenSource() = default;
  /// The next token; asked for once for each.
  virtual Sample sample() = 0;
};

/// One answer to be generated.
struct Request {
  Prompt prompt;
  std::size_t tokens_max = 1;     ///< The answer's length at most; at least 1.
  std::int64_t priority = 0;      ///< The smaller the sooner, where priorities count.
  std::size_t samples = 1;        ///< Answers that its client asked for; only counted.
  TokenSource* source = nullptr;  ///< Outlives the request; nullptr: tokens that nobody knows.
};

/// A request on its way through the engine.
struct Task {
  /// The request's chain of blocks becomes the task's.
  Task(RequestId task_id, Request wanted, TimePoint now);
  /// The answer has one more token, which is known from here on.
  void append(std::uint32_t token);
  /// Known tokens.
  [[nodiscard]] std::size_t length() const { return request.prompt.tokens + generated; }

  RequestId id;
  std::uint64_t order = 0;  ///< Of arrival at the scheduler.
  Request request;

  // The chain of its known tokens: hashes of full blocks, and the tokens behind them.
  std::vector<BlockHash> hashes;
  std::vector<std::uint32_t> rest;
  BlockHash last = 0;

  Holding holding;
  /// Tokens to compute before the next one is known: the prompt, and after a preemption the answer
  /// so far too.
  std::size_t known = 0;
  std::size_t computed = 0;           ///< Of prompt and answer, those of steps under way included.
  std::size_t generated = 0;          ///< Tokens of the answer.
  std::size_t pending = 0;            ///< Tokens that steps under way will give.
  std::size_t steps = 0;              ///< Steps under way that it is part of.
  std::size_t outputs = 0;            ///< Tokens that the client does not have yet.
  std::uint32_t preemptions = 0;      ///< A step from before the latest one is for nothing.
  std::optional<std::size_t> cached;  ///< Tokens of the prompt that were found; set when admitted.
  bool running = false;
  bool ended = false;    ///< No more tokens will come.
  bool dropped = false;  ///< Nobody wants the tokens that did come.

  TimePoint arrived;       ///< At the server.
  TimePoint queued;        ///< At the scheduler.
  TimePoint started;       ///< First scheduled.
  TimePoint first;         ///< First token, at the engine.
  TimePoint latest;        ///< Latest token delivered, at the engine.
  TimePoint sent;          ///< When the client has the latest of all tokens so far.
  TimePoint delivered;     ///< Latest token delivered, at the client.
  std::size_t tokens = 0;  ///< Delivered.
};

}  // namespace olla::sim::engine
