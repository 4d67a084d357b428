#pragma once

#include <string>
#include <string_view>

#include "net/server_connection.h"
#include "proxy/services.h"
#include "vllm/errors.h"

namespace olla::proxy {

/// Writes a whole answer of the gateway's own to the client, with X-Olla-Request-ID, and the id in
/// the places that Anthropic has for it where the answer wants that. With
/// `keep_alive` false it says that the connection ends; closing it is the caller's.
/// False when the client is gone. All arguments must outlive the awaitable.
net::Awaitable<bool> send_answer(net::ServerConnection& client, const OwnAnswer& answer,
                                 std::string_view request_id, bool keep_alive);

/// An error in the shape of its route; `code` is a word that programs can test for, where the shape
/// has one.
OwnAnswer make_error(int status, std::string_view code, std::string_view message,
                     vllm::ErrorShape shape = vllm::ErrorShape::kOpenAi);

/// The error for a request that was refused before it was understood.
OwnAnswer make_refusal(const http::Refusal& refusal, vllm::ErrorShape shape);

/// The JSON object `body` with the member request_id at its end, as Anthropic's errors have it.
std::string with_request_id(std::string_view body, std::string_view request_id);

}  // namespace olla::proxy
