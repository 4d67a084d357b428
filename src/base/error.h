#pragma once

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace olla {

/// What went wrong. One value per *reaction* the caller may have, not per cause.
enum class Errc : std::uint8_t {
  kClosed,       ///< The peer ended the connection, or reset it.
  kTimeout,      ///< A deadline passed.
  kRefused,      ///< No connection could be made.
  kMalformed,    ///< The peer's bytes break the protocol.
  kTooLarge,     ///< A limit on size was passed.
  kUnsupported,  ///< Well-formed, but not something this program does.
  kCancelled,    ///< Somebody else ended it: the client left, or the program stops.
};

/// Whose fault it was: decides between 4xx and 5xx.
enum class Side : std::uint8_t { kClient, kUpstream, kGateway };

/// An expected failure. Travels by value inside Result; never thrown on the request path.
struct Error {
  Errc code;
  Side side;
  std::string detail;  ///< For the log line; not sent to clients.

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = boost::system::result<T, Error>;

/// Result::value() on an error is a bug in the caller: it throws logic_error.
[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location& where) {
  throw std::logic_error("unchecked Result at " + where.to_string() + ": " + error.detail);
}

}  // namespace olla
