#include "vllm/errors.h"

#include <algorithm>

#include "openai/members.h"

namespace olla::vllm {
namespace {

// The value in the words of vLLM, which prints Python values and only counts what a list holds.
std::string input_text(openai::BodyKind kind, std::string_view value) {
  switch (kind) {
    case openai::BodyKind::kArray:
      return "<list of " + std::to_string(openai::count_elements(value)) + " items>";
    case openai::BodyKind::kBoolean:
      return value.starts_with('t') ? "True" : "False";
    case openai::BodyKind::kString: {
      const std::string_view inside = value.substr(1, value.rfind('"') - 1);
      const auto decoded = openai::decode_json_string(inside);
      return std::string(shortened(decoded ? std::string_view(*decoded) : inside));
    }
    case openai::BodyKind::kNumber: {
      const std::size_t end = value.find_first_of(" \t\r\n");
      return std::string(shortened(value.substr(0, end)));
    }
    default:
      return "None";
  }
}

std::string validation_error(std::string_view fault, std::string_view location) {
  std::string message = "1 validation error:\n  {";
  message += fault;
  message += '}';
  return error_body({.message = message, .type = "Bad Request", .param = location, .status = 400});
}

/// Anthropic's word for an error of this status.
std::string_view anthropic_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 408:
    case 504:
      return "timeout_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 529:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

}  // namespace

std::string_view shortened(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t size = bytes_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80)
    --size;
  return text.substr(0, size);
}

ErrorShape error_shape_of(std::string_view path) {
  constexpr std::string_view kMessages = "/v1/messages";
  if (!path.starts_with(kMessages)) return ErrorShape::kOpenAi;
  path.remove_prefix(kMessages.size());
  return path.empty() || path.front() == '/' ? ErrorShape::kMessages : ErrorShape::kOpenAi;
}

std::string error_body(const ApiError& error, ErrorShape shape) {
  if (shape != ErrorShape::kOpenAi) {
    const std::string_view type =
        shape == ErrorShape::kAnthropic ? anthropic_type(error.status) : error.type;
    return R"({"type":"error","error":{"type":)" + openai::json_quoted(type) + R"(,"message":)" +
           openai::json_quoted(error.message) + "}}";
  }
  std::string body = R"({"error":{"message":)";
  body += openai::json_quoted(error.message);
  body += R"(,"type":)";
  body += openai::json_quoted(error.type);
  body += R"(,"param":)";
  body += error.param ? openai::json_quoted(*error.param) : "null";
  body += R"(,"code":)";
  body += error.code_word ? openai::json_quoted(*error.code_word) : std::to_string(error.status);
  body += "}}";
  return body;
}

std::string not_an_object_error(const openai::RequestFacts& facts, std::string_view body) {
  switch (facts.kind) {
    case openai::BodyKind::kEmpty:
    case openai::BodyKind::kNull:
      return validation_error(
          "'type': 'missing', 'loc': 'body', 'msg': 'Field required', 'input': 'None'", "body");
    case openai::BodyKind::kNotJson: {
      const std::string location = "body." + std::to_string(facts.error_offset);
      return validation_error("'type': 'json_invalid', 'loc': '" + location +
                                  "', 'msg': 'JSON decode error', 'input': '<dict of 0 items>', "
                                  "'ctx': {'error': 'Expecting value'}",
                              location);
    }
    default: {
      const std::size_t begin = openai::skip_white_space(body, openai::byte_order_mark_size(body));
      return validation_error(
          "'type': 'model_attributes_type', 'loc': 'body', 'msg': 'Input should be a valid "
          "dictionary or object to extract fields from', 'input': '" +
              input_text(facts.kind, body.substr(begin)) + "'",
          "body");
    }
  }
}

}  // namespace olla::vllm
