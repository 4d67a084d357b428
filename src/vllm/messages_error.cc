#include "vllm/messages_error.h"

#include <nlohmann/json.hpp>

#include "vllm/errors.h"

namespace olla::vllm {
namespace {

using Json = nlohmann::json;

std::string text_at(const Json& object, std::string_view key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool has_the_shape(const Json& document) {
  if (text_at(document, "type") != "error" || !document.contains("error")) return false;
  const Json& error = document["error"];
  return error.is_object() && error.contains("type") && error["type"].is_string() &&
         error.contains("message") && error["message"].is_string();
}

/// One fault of FastAPI's validation: "body.max_tokens: Field required".
std::string fault_text(const Json& fault) {
  std::string said = text_at(fault, "msg");
  if (said.empty() || !fault.contains("loc") || !fault["loc"].is_array()) return said;
  std::string place;
  for (const Json& step : fault["loc"]) {
    if (!place.empty()) place += '.';
    if (step.is_string()) place += step.get<std::string>();
    if (step.is_number_unsigned()) place += std::to_string(step.get<std::uint64_t>());
  }
  return place.empty() ? said : place + ": " + said;
}

/// FastAPI's `detail`: a text, or a list of faults.
std::string detail_text(const Json& document) {
  const auto detail = document.find("detail");
  if (detail == document.end() || !detail->is_array()) return text_at(document, "detail");
  std::string text;
  for (const Json& fault : *detail) {
    const std::string one = fault_text(fault);
    if (one.empty()) continue;
    if (!text.empty()) text += "; ";
    text += one;
  }
  return text;
}

/// The message of an error of any known shape; empty: there is none.
std::string message_in(const Json& document) {
  if (!document.is_object()) return {};
  const auto error = document.find("error");
  if (error != document.end()) {
    // vLLM's 401 has the text alone.
    std::string text = error->is_string() ? error->get<std::string>() : text_at(*error, "message");
    if (!text.empty()) return text;
  }
  std::string text = detail_text(document);
  return text.empty() ? text_at(document, "message") : text;  // The last one is SGLang's.
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kWhiteSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhiteSpace) + 1 - begin);
}

}  // namespace

std::optional<std::string> messages_error_of(int status, std::string_view body) {
  const Json document = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (has_the_shape(document)) return std::nullopt;
  std::string message = message_in(document);
  if (message.empty()) message = shortened(trimmed(body), kPlainErrorBytesMax);
  if (message.empty())
    message = "The endpoint answered with status " + std::to_string(status) + ".";
  ApiError error;
  error.message = message;
  error.status = status;
  return error_body(error, ErrorShape::kAnthropic);
}

}  // namespace olla::vllm
