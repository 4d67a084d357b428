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
  Provider provider = Provider::kAny;
  std::optional<std::string_view> model = std::nullopt;  ///< As the client wrote it, if it did.
  std::span<const EndpointId> tried = {};                ///< Endpoints that failed this request.
  /// Rotates ties: with equal loads, consecutive turns visit the endpoints one after the other.
  std::uint32_t turn = 0;
};

/// Why there is no endpoint for a request.
enum class NoPick : std::uint8_t {
  kNoEndpoints,  ///< None of this provider is configured.
  kAllTried,     ///< Every endpoint that could have taken the request was tried.
  kNoneHealthy,  ///< None of those that could take it is healthy, and has an address.
};

struct Pick {
  const fleet::EndpointView* view = nullptr;  ///< In the snapshot; nullptr: see `reason`.
  NoPick reason = NoPick::kNoEndpoints;       ///< Only without a view.
};

/// Chooses the endpoint with the fewest requests in flight.
///
/// Candidates are the provider's endpoints that are healthy, have an address and were not tried.
/// Endpoints not checked yet stand in when no endpoint of the provider is healthy. When at least
/// one endpoint of the provider, in whatever state, is known to list the model, only those that
/// list it are candidates; when none is, all are, because a backend explains best what is wrong.
///
/// Pure but for the counters that it reads: between this and the booking other threads may book
/// too. Does not allocate. `snapshot` must outlive the returned view.
[[nodiscard]] Pick pick(const fleet::Snapshot& snapshot, const PickRequest& request);

/// Counts the request as in flight on the picked endpoint; of a Pick without a view, nothing.
[[nodiscard]] fleet::Booking book(const Pick& pick);

}  // namespace olla::routing
