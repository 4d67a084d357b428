#pragma once

#include <boost/container/static_vector.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/strong.h"
#include "log/logger.h"
#include "openai/usage.h"

namespace olla::log {

/// The status in the log of a request whose client left before an answer began; nginx's number.
constexpr int kClientLeft = 499;

/// How a request ended, whatever its status.
enum class Ending : std::uint8_t {
  kWhole,   ///< Its answer was sent to the end.
  kBroken,  ///< The answer broke off, told of an error in its midst, or was cut at shutdown.
  kLeft,    ///< The client left, or took no more bytes.
};

/// What one request was, for its access line and the counts. Durations in milliseconds since its
/// first byte.
struct AccessEntry {
  std::string request_id;
  std::string_view client;
  std::string_view method;
  std::string_view path;  ///< Without the query, which may hold a secret.
  std::optional<std::string> model;
  std::string endpoint;  ///< Empty when no endpoint answered.
  /// The endpoint that answered, or the last that was tried.
  std::optional<EndpointId> endpoint_id;
  std::uint32_t tries = 0;          ///< On endpoints, the first included.
  std::optional<double> queued_ms;  ///< Spent in the queue, when the request was in it.
  int status = 0;                   ///< 499: the client left before the head of an answer.
  std::uint64_t bytes = 0;          ///< Sent to the client, head included.
  std::optional<double> ttfb_ms;    ///< Until the head of the answer went out.
  double duration_ms = 0;
  std::optional<openai::Usage> usage;
  std::string_view error;  ///< Why it went wrong; empty when it did not.
  /// Of an error of the gateway's own: the word in its `error.code`, a literal.
  std::string_view refusal;

  // For the counts alone.
  Ending ending = Ending::kWhole;
  std::string served_model;              ///< The endpoint's spelling of `model`; empty: the same.
  std::uint64_t bytes_in = 0;            ///< Of the request's body.
  std::uint32_t sticky_tries = 0;        ///< Of `tries`: where the request's session was pinned.
  bool event_stream = false;             ///< The answer is one.
  bool fallback = false;                 ///< The endpoint is not known to have the model.
  std::optional<double> first_token_ms;  ///< Until its first bytes came from the endpoint.
  bool own_document = false;             ///< The gateway's own affair: no request for an endpoint.
};

/// At most one field per member of an entry.
using AccessFields = boost::container::static_vector<Field, 16>;

/// The members that are known, as fields of a log line. Their views point into `entry`.
AccessFields access_fields(const AccessEntry& entry);

/// Whether the request was refused, failed or left.
bool went_wrong(const AccessEntry& entry);

/// Writes the access line, with the message "request".
void write_access(Logger& logger, const AccessEntry& entry);

}  // namespace olla::log
