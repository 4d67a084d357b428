#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/strong.h"

namespace olla::metrics {

/// How a request ended, as far as the counts go. Each request is one of these.
enum class Outcome : std::uint8_t {
  kSuccess,   ///< Wholly answered by an endpoint, with a status under 500.
  kFailure,   ///< Status 500 and more, whoever gave it, or an answer that broke.
  kRejected,  ///< Refused by the gateway with a status under 500: nothing was asked of an endpoint.
  kClientLeft,  ///< The client left before it had its whole answer.
};
constexpr std::size_t kOutcomes = 4;

/// Token counts as the endpoint told them.
struct Tokens {
  std::uint64_t prompt = 0;
  std::uint64_t completion = 0;
  std::uint64_t cached = 0;  ///< Part of the prompt.
};

/// One request at its end. The views live for the call that takes it.
struct RequestRecord {
  Outcome outcome = Outcome::kSuccess;
  int status = 0;
  /// Of a failure or a rejection: its word. A literal.
  std::string_view reason = {};
  /// The endpoint that answered, or the last that was tried; nullopt: none was asked.
  std::optional<EndpointId> endpoint = std::nullopt;
  /// The model's name as the endpoint lists it; kUnknownModel; empty when the request named none.
  std::string_view model = {};
  std::string_view client = {};  ///< Its address.
  std::uint32_t tries = 0;
  std::uint32_t sticky_tries = 0;  ///< Of `tries`: where the request's session was pinned.
  bool fallback = false;           ///< It went to an endpoint that is not known to have the model.
  bool event_stream = false;       ///< The answer was one.
  bool messages_route = false;     ///< It came over the route of the Messages API.
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  Duration duration{};
  std::optional<Duration> queued = std::nullopt;
  std::optional<Duration> first_token = std::nullopt;  ///< Of an event stream.
  std::optional<Tokens> tokens = std::nullopt;
};

/// Stands for every model that no endpoint lists: clients may write what they like there, and no
/// label shall be theirs to choose.
constexpr std::string_view kUnknownModel = "_unknown";

}  // namespace olla::metrics
