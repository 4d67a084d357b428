#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace olla::sim {

/// What a simulated server can be made to do wrong.
enum class FaultKind : std::uint8_t {
  kRefuse,  ///< Its port is closed.
  // Of a request, before its answer begins:
  kReset,          ///< The connection is reset.
  kHang,           ///< Nothing comes, for ever.
  kDelay,          ///< The answer comes `delay` late.
  kGarbage,        ///< Bytes that are no HTTP, then the end.
  kBusy,           ///< 503: the queue is full.
  kEngineDead,     ///< 500: the engine is gone.
  kShuttingDown,   ///< 500: the server is about to leave.
  kInternalError,  ///< 500 as plain text.
  kUnhealthy,      ///< 503 without a body.
  // Of a stream, when `after` events were sent:
  kStreamReset,    ///< The connection is reset.
  kStreamClose,    ///< It is closed within the chunked body.
  kStreamEnd,      ///< The body ends in order, but without what ends its events.
  kStreamHang,     ///< Nothing more comes.
  kStreamError,    ///< The engine dies: an event says so.
  kStreamGarbage,  ///< Bytes that are no chunk, then the end.
  kStreamSlow,     ///< Each further event comes `delay` late.
};

/// One rule: what goes wrong, for which requests, how often and how long.
struct Fault {
  FaultKind kind = FaultKind::kReset;
  std::optional<std::uint64_t> count;  ///< Requests that it strikes; nullopt: all.
  double probability = 1;              ///< That it strikes one, from 0 to 1.
  std::optional<Duration> lasts;       ///< From when it was set; nullopt: for ever.
  std::size_t after = 1;               ///< Events of a stream.
  Duration delay = std::chrono::seconds(1);
  std::string path;  ///< What the requests' paths begin with; empty: those of the kind.
};

/// Whether it befalls streams, and not whole requests.
bool befalls_streams(FaultKind kind);

/// The kind's name in faults as text: "stream_reset".
std::string_view fault_name(FaultKind kind);

/// Sets one member by its name ("kind", "count", "probability", "for", "after", "delay", "path").
/// Returns what is wrong: kMalformed, with a sentence for the person who wrote it in `detail`.
std::optional<Error> set_member(Fault& fault, std::string_view name, std::string_view value);

/// What is wrong with it as a whole, if anything, as above.
std::optional<Error> check_fault(const Fault& fault);

/// Reads a kind and then members: "stream_reset,count=3,after=5". Errors as above.
Result<Fault> parse_fault(std::string_view text);

}  // namespace olla::sim
