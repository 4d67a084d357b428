#pragma once

#include <deque>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sim/exchange.h"
#include "sim/fields.h"

/// How /v1/responses reads and answers: OpenAI's newer form of a chat, as vLLM 0.32 writes it.
namespace olla::sim {

/// The options of the request, in the terms of a chat.
Sampling read_response_options(Fields& fields);

/// The same request as that of a chat: `instructions` are the first message, a text is one of the
/// user's, calls and their results are messages of their own, tools are in a chat's form.
nlohmann::json responses_as_chat(const nlohmann::json& body);

/// The whole object, finished or (with `done` false) in progress.
std::string response_body(const Exchange& exchange, bool done);

/// The events that begin the stream, each with its number; exchange.events counts them.
std::vector<std::string> response_opening_events(Exchange& exchange);
/// One piece of the answer, with the end of the item before and the beginning of its own where it
/// is not of the item that is being sent.
std::vector<std::string> response_part_events(Exchange& exchange, const OutputParser::Part& part);
/// The events that end the stream. There is no "[DONE]".
std::vector<std::string> response_ending_events(Exchange& exchange);

/// The answers that a server has given and still knows: another server knows nothing of them.
class ResponseStore {
 public:
  void put(const std::string& id, std::string body);
  /// The object as JSON, or nullptr.
  [[nodiscard]] const std::string* find(std::string_view id) const;

 private:
  std::unordered_map<std::string, std::string> bodies_;
  std::deque<std::string> order_;  // the oldest goes when there are too many
};

/// GET /v1/responses/{id}.
Answer stored_response(const ResponseStore& store, std::string_view id, Dialect dialect);
/// POST /v1/responses/{id}/cancel. What is stored has ended, so nothing is left to cancel.
Answer cancel_response(const ResponseStore& store, std::string_view id, Dialect dialect);
/// The 404 for an id that is not known here.
Answer response_not_found(std::string_view id, Dialect dialect);

}  // namespace olla::sim
