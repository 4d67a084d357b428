#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/strong.h"
#include "config/config.h"
#include "fleet/snapshot.h"
#include "routing/policy.h"
#include "routing/provider.h"

namespace olla::routing {

struct PickRequest {
  Provider provider = {};
  std::optional<std::string_view> model = std::nullopt;  ///< As the client wrote it, if it did.
  /// The model's name is an alias for these, the preferred first; empty: it is none.
  std::span<const std::string> alias_of = {};
  std::span<const EndpointId> tried = {};  ///< Endpoints that failed this request.
  /// The name of the endpoint's route: one that misses it is no choice.
  std::string_view route = {};
  /// The kinds of servers that are known to have the route; others come in only when none of these
  /// can take the request. Empty: all are as good.
  std::span<const config::Profile* const> known_for_it = {};
  /// The route is not for every client of a vLLM server: endpoints of that type are no candidates.
  bool spares_vllm = false;
  /// Only this one can answer, for example since it holds the state that the request names.
  std::optional<EndpointId> only = std::nullopt;
  /// Who gets the request if it is a candidate, whatever the policy says, unless it has more than
  /// `max_imbalance` requests in flight more than the candidate that has the fewest.
  std::optional<EndpointId> preferred = std::nullopt;
  std::uint32_t max_imbalance = 0;  ///< 0: however many it has.
  config::LoadBalancer balancer = config::LoadBalancer::kLeastConnections;
  Draw draw = {};
  TimePoint now = {};
};

/// Why there is no endpoint for a request.
enum class NoPick : std::uint8_t {
  kNoEndpoints,     ///< None of this provider is configured.
  kSpared,          ///< Those of this provider are all of type "vllm", and the request spares them.
  kUnknownModel,    ///< The lists of all are known, and none has the model.
  kOtherProviders,  ///< The lists of all are known, and only endpoints of others have the model.
  kAllOpen,         ///< The breakers of those that could take it let nothing through for now.
  kAllFull,         ///< Of those that could take it, one at least has as many as it may have.
  kAllTried,        ///< Every endpoint that could have taken the request was tried.
  kNoneReady,       ///< None of those that could take it takes requests, and has an address.
};

struct Pick {
  const fleet::EndpointView* view = nullptr;  ///< In the snapshot; nullptr: see `reason`.
  /// The endpoint's spelling of the model where it is another than the client's; in the snapshot,
  /// or one of PickRequest::alias_of.
  std::optional<std::string_view> model = std::nullopt;
  NoPick reason = NoPick::kNoEndpoints;  ///< Only without a view.
  bool by_alias = false;                 ///< The endpoints have one of PickRequest::alias_of.
  bool in_doubt = false;  ///< No list has the model, but those of some endpoints are not known.
  /// Endpoints that are ready and have the model, those that were tried or are full included.
  std::uint32_t able = 0;
};

/// Chooses an endpoint for a request, by its policy among the candidates.
///
/// Candidates are the provider's endpoints that take requests, have an address, have fewer requests
/// in flight than they may have, are let be used by their breaker, and were not tried. Endpoints
/// not checked yet stand in when no endpoint of the provider takes requests. Where breakers alone
/// leave no candidate, the endpoint whose breaker opened first may be tried early.
///
/// A model goes to the endpoints that list it, in whatever state they are: by its exact name, or
/// else by one that differs in the case of letters alone; or else to those whose list was never
/// read. An alias goes before all that to those that list one of its models, and behind the name
/// itself to those whose list was never read, under its first. An empty name is none. Endpoints
/// known to miss the route come in only when all miss it.
///
/// Pure but for the counters that it reads: between this and the booking other threads may book
/// too. Does not allocate. `snapshot` must outlive the returned view, and have at most
/// kEndpointsMax endpoints.
[[nodiscard]] Pick pick(const fleet::Snapshot& snapshot, const PickRequest& request);
inline constexpr std::size_t kEndpointsMax = 1024;

/// Counts the request as in flight on the picked endpoint. Of a Pick without a view it books
/// nothing, nor when others have filled the endpoint since, or took the place of the one request
/// that tries an open breaker: then another choice has to be made.
[[nodiscard]] fleet::Booking book(const Pick& pick, TimePoint now);

}  // namespace olla::routing
