#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "vllm/version.h"

namespace olla::vllm {

/// What an answer of a vLLM server says about the server rather than about the request.
enum class Meaning : std::uint8_t {
  kAnswer,       ///< Nothing: it is for the client.
  kBusy,         ///< Its queue is full (503): another server may take the request.
  kDraining,     ///< It is shutting down and takes no new requests, though its health is good.
  kNoSuchRoute,  ///< It serves another kind of model, which does not have this inference route.
};

/// Whether meaning_of() has to see the body of an answer with this status, which has
/// `content_length` bytes. Only short answers mean something, and success only of old servers.
[[nodiscard]] bool may_mean_more(int status, std::string_view path, std::uint64_t content_length,
                                 const Version& version);

/// The meaning of an answer for which may_mean_more(). As recorded from vLLM 0.32 and, for models
/// that cannot do what a route does, from 0.11, which has all routes and answers with status 200
/// and an error.
///
/// No other error means that another server should be tried: a request may have broken this one,
/// and would break the next.
[[nodiscard]] Meaning meaning_of(int status, std::string_view body);

}  // namespace olla::vllm
