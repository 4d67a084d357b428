#pragma once

#include <cstdint>
#include <string_view>

#include "config/config.h"

namespace olla::proxy {

/// How far a try on one endpoint came before the client saw anything of it.
enum class TryEnd : std::uint8_t {
  kAnswered,   ///< The head of an answer is there, whatever its status.
  kUnreached,  ///< No connection came about: nothing of the request was sent.
  kClosed,     ///< The endpoint closed or reset the connection.
  kOut,        ///< It was silent, and so were its health checks, or its port refuses.
  kSilent,     ///< The endpoint took or gave no byte for too long.
  kGarbled,    ///< What it sent is no answer.
  kCancelled,  ///< The client left, or the program stops: not the endpoint's doing.
};

/// What is known of a try that is over.
struct TryFacts {
  TryEnd end = TryEnd::kAnswered;
  int status = 0;                ///< After kAnswered.
  bool has_retry_after = false;  ///< The same.
  /// After kAnswered: by its text the server does not take such a request, or none any more.
  bool not_taken = false;
  bool all_sent = false;  ///< The endpoint may have the whole request.
};

/// What is known of the request.
struct RetryState {
  /// Running it twice does no harm; see is_repeatable().
  bool repeatable = false;
  bool client_saw_something = false;
  std::uint32_t tries = 0;   ///< So far.
  std::uint32_t deaths = 0;  ///< Endpoints that died under it.
};

enum class Verdict : std::uint8_t {
  kFinal,      ///< The client gets what there is: the answer, or an error that says what failed.
  kElsewhere,  ///< Another endpoint may do better, and may be tried.
  kKillsEndpoint,  ///< Endpoints die of this request: no other gets it.
};

/// A request under which this many endpoints died gets no other: one can be chance.
constexpr std::uint32_t kDeathsMax = 2;

/// Whether a request may run again although an endpoint may have run it: it changes nothing, or it
/// is an inference, which costs twice and does no harm, and `rules` allow that. `path` is that of
/// the endpoint, decoded.
[[nodiscard]] bool is_repeatable(const config::Retry& rules, std::string_view method,
                                 std::string_view path);

/// Whether a try ended so that another endpoint may do better: a failure of the connection, or an
/// answer by which the server could not take the request (502, 503, 504, 429 that says when to come
/// back).
[[nodiscard]] bool failed(const TryFacts& facts);

/// What follows on a try, but for the budget and for whether there is another endpoint.
[[nodiscard]] Verdict after_try(const config::Retry& rules, const RetryState& state,
                                const TryFacts& facts);

}  // namespace olla::proxy
