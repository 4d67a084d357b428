#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sim/exchange.h"
#include "sim/fields.h"

/// How /v1/messages reads and answers: Anthropic's form of a chat, as vLLM 0.32 writes it.
namespace olla::sim {

/// The options of the request, in the terms of a chat.
Sampling read_message_options(Fields& fields);

/// The same request as that of a chat: `system` is the first message, results of tools are messages
/// of their own, tools and their choice are in a chat's form.
nlohmann::json messages_as_chat(const nlohmann::json& body);

/// The complete body; the choice must have finished.
std::string message_body(const Exchange& exchange);

/// The events that begin the stream.
std::vector<std::string> message_opening_events(const Exchange& exchange);
/// One piece of the answer, with the end of the block before and the beginning of its own where it
/// is not of the block that is being sent.
std::vector<std::string> message_part_events(Exchange& exchange, const OutputParser::Part& part);
/// The events that end the stream. There is no "[DONE]".
std::vector<std::string> message_ending_events(Exchange& exchange);

/// An error of the application in Anthropic's shape; one of the validation keeps its own.
Answer message_error(Answer answer);
/// The event for an engine that died.
std::string message_error_event(std::string_view message);

/// POST /v1/messages/count_tokens.
Answer message_count_answer(std::size_t tokens);

}  // namespace olla::sim
