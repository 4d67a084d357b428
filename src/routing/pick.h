#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/strong.h"
#include "fleet/snapshot.h"
#include "routing/provider.h"

namespace olla::routing {

struct PickRequest {
  Provider provider = {};
  std::optional<std::string_view> model = std::nullopt;  ///< As the client wrote it, if it did.
  std::span<const EndpointId> tried = {};                ///< Endpoints that failed this request.
  /// The name of the endpoint's route: one that misses it is no choice.
  std::string_view route = {};
  /// The route is not for every client of a vLLM server: endpoints of that type are no candidates.
  bool spares_vllm = false;
  /// Only this one can answer, for example since it holds the state that the request names.
  std::optional<EndpointId> only = std::nullopt;
  /// Rotates ties: with equal loads, consecutive turns visit the endpoints one after the other.
  std::uint32_t turn = 0;
};

/// Why there is no endpoint for a request.
enum class NoPick : std::uint8_t {
  kNoEndpoints,   ///< None of this provider is configured.
  kSpared,        ///< Those of this provider are all of type "vllm", and the request spares them.
  kUnknownModel,  ///< The lists of all are known, and none has the model.
  kAllTried,      ///< Every endpoint that could have taken the request was tried.
  kNoneReady,     ///< None of those that could take it takes requests, and has an address.
};

struct Pick {
  const fleet::EndpointView* view = nullptr;  ///< In the snapshot; nullptr: see `reason`.
  /// The endpoint's spelling of the model where it is another than the client's; in the snapshot.
  std::optional<std::string_view> model = std::nullopt;
  NoPick reason = NoPick::kNoEndpoints;  ///< Only without a view.
};

/// Chooses the endpoint with the fewest requests in flight.
///
/// Candidates are the provider's endpoints that take requests, have an address and were not tried.
/// Endpoints not checked yet stand in when no endpoint of the provider takes requests.
///
/// A model goes to the endpoints that list it, in whatever state they are: by its exact name, or
/// else by one that differs in the case of letters alone; or else to those whose list was never
/// read. An empty name is none. Endpoints known to miss the route come in only when all miss it.
///
/// Pure but for the counters that it reads: between this and the booking other threads may book
/// too. Does not allocate. `snapshot` must outlive the returned view.
[[nodiscard]] Pick pick(const fleet::Snapshot& snapshot, const PickRequest& request);

/// Counts the request as in flight on the picked endpoint; of a Pick without a view, nothing.
[[nodiscard]] fleet::Booking book(const Pick& pick);

}  // namespace olla::routing
