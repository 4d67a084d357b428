#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/engine.h"
#include "sim/generation.h"

namespace olla::sim {

/// The engines of one server, one per data-parallel rank, and the generations that they work on.
///
/// Requests go to the ranks in turn. Not thread-safe. What is submitted must be given to leave()
/// before it is destroyed.
class Ranks {
 public:
  /// `count`: at least 1.
  Ranks(const EngineRules& rules, std::size_t count);

  /// Begins or queues the choices of a generation, all on one rank. `sequences`: one per choice.
  void submit(Generation& generation, std::vector<Sequence> sequences, TimePoint now);

  /// When advance() has something to do; nullopt while nothing runs.
  [[nodiscard]] std::optional<TimePoint> next_time() const;
  /// Hands all tokens due at `now` to their generations, and tells their listeners. A listener may
  /// submit, leave and destroy generations.
  void advance(TimePoint now);

  /// The generation is done with, or its client left: what still runs of it is aborted.
  void leave(Generation& generation, TimePoint now);

  /// What is submitted from here on waits aside, seen by no statistics.
  void hold() { holding_ = true; }
  /// Begins what waits aside.
  void release(TimePoint now);

  /// Ends generations by order of the server's owner, and tells their listeners: that with the id,
  /// or all for an empty one. Returns how many.
  std::size_t abort(const std::string& id, TimePoint now);

  /// Ends everything as an engine that dies does, and tells the listeners.
  void fail(Generation& generation, TimePoint now);
  void fail_all(TimePoint now);

  /// Brings the statistics up to `now`.
  void update(TimePoint now);
  /// Sequences in all ranks: running, waiting, and on their way in or out.
  [[nodiscard]] std::size_t present() const;
  /// Forgets the prefixes of all ranks; false while one of them has any in use.
  bool reset_prefixes(TimePoint now);

  [[nodiscard]] const EngineStats& stats(std::size_t rank) const {
    return ranks_[rank].engine.stats();
  }
  [[nodiscard]] std::vector<const Engine*> engines() const;

 private:
  struct Place {
    Generation* generation;
    std::size_t choice;
  };
  struct Rank {
    explicit Rank(const EngineRules& rules) : engine(rules) {}
    Engine engine;
    std::unordered_map<SequenceId, Place> places;
  };

  struct Held {
    Generation* generation;
    std::vector<Sequence> sequences;
  };

  [[nodiscard]] Generation* find(const std::string& id) const;
  static void advance(Rank& rank, TimePoint now);

  std::vector<Rank> ranks_;
  std::size_t turn_ = 0;
  bool holding_ = false;
  std::deque<Held> held_;
};

}  // namespace olla::sim
