#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace olla::vllm {

/// A histogram as Prometheus counts: each bucket holds what is at most its bound.
struct Histogram {
  struct Bucket {
    double bound = 0;
    double count = 0;  ///< Cumulative.

    friend bool operator==(const Bucket&, const Bucket&) = default;
  };

  /// By rising bound; the last bound is +Inf and its count is count(). Empty: nothing observed, and
  /// no bounds known either.
  std::vector<Bucket> buckets = {};
  double sum = 0;

  [[nodiscard]] double count() const { return buckets.empty() ? 0 : buckets.back().count; }

  /// Adds the observations of `other`. Exact: where the bounds disagree, only the bounds that both
  /// have are kept, because no other bucket of the sum is known.
  void add(const Histogram& other);

  friend bool operator==(const Histogram&, const Histogram&) = default;
};

/// The figures of one model of a vLLM server, all engines added up.
struct ModelState {
  std::string name = {};
  std::uint64_t running = 0;
  std::uint64_t waiting = 0;
  Histogram latency_seconds = {};  ///< From a request's arrival to its last token.

  friend bool operator==(const ModelState&, const ModelState&) = default;
};

/// What one vLLM server said about itself in one answer of /metrics, all of its data-parallel
/// engines added up. A value: copied into snapshots, no reference to the text.
struct EngineState {
  std::uint64_t running = 0;  ///< Requests in the engines' batches.
  std::uint64_t waiting = 0;  ///< Requests in the engines' queues.
  /// Share of the KV cache in use, 0 to 1, mean over the engines; nullopt when none tells.
  std::optional<double> kv_cache_usage = {};
  std::uint64_t prompt_tokens_total = 0;
  /// Prompt tokens that came out of a cache; nullopt before vLLM told (0.11 does not).
  std::optional<std::uint64_t> prompt_tokens_cached_total = {};
  std::uint64_t generation_tokens_total = 0;
  /// Every engine sleeps: requests would hang. /health and the model list do not show it.
  bool asleep = false;
  /// In the order of the text. vLLM counts the requests of a LoRA adapter under its base model, and
  /// all aliases under the first.
  std::vector<ModelState> models = {};
  /// Lines with a figure of this struct that could not be read.
  std::size_t malformed_lines = 0;

  /// prompt_tokens_cached_total / prompt_tokens_total; nullopt before the first prompt, or when the
  /// server does not tell. vLLM's prefix_cache counters would not do: they count a request at the
  /// head of a blocked queue once more in every step.
  [[nodiscard]] std::optional<double> cached_share() const;

  friend bool operator==(const EngineState&, const EngineState&) = default;
};

}  // namespace olla::vllm
