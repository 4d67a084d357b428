#include "proxy/answer.h"

#include <ctime>

#include "http/response.h"
#include "openai/request.h"
#include "vllm/errors.h"

namespace olla::proxy {
namespace {

/// vLLM's words for the `type` of an error.
std::string_view error_type(int status, vllm::ErrorShape shape) {
  switch (status) {
    case 403:
      return "PermissionDeniedError";
    case 404:
      return "NotFoundError";
    case 429:
      return shape == vllm::ErrorShape::kMessages ? "rate_limit_error" : "RateLimitError";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return status < 500 ? "BadRequestError" : "InternalServerError";
  }
}

std::string_view refusal_code(int status) {
  switch (status) {
    case 408:
      return "request_timeout";
    case 413:
      return "request_too_large";
    case 417:
      return "expectation_failed";
    case 431:
      return "headers_too_large";
    case 501:
      return "transfer_coding_unsupported";
    case 505:
      return "http_version_unsupported";
    default:
      return "malformed_request";
  }
}

}  // namespace

net::Awaitable<bool> send_answer(net::ServerConnection& client, const OwnAnswer& answer,
                                 std::string_view request_id, bool keep_alive) {
  std::string fields = "X-Olla-Request-ID: ";
  fields.append(request_id).append("\r\n").append(answer.extra_fields);
  std::string with_id;
  if (answer.tells_request_id) {
    fields.append("request-id: ").append(request_id).append("\r\n");
    with_id = with_request_id(answer.body, request_id);
  }
  http::OwnResponse response;
  response.status = answer.status;
  response.body = answer.shared_body ? *answer.shared_body : answer.body;
  if (answer.tells_request_id) response.body = with_id;
  response.content_type = answer.content_type;
  response.extra_fields = fields;
  response.keep_alive = keep_alive;
  response.head_only = client.head().method == "HEAD";
  response.client_minor_version = client.head().minor_version;
  response.now = std::time(nullptr);
  const std::string_view body = response.head_only ? std::string_view() : response.body;
  response.head_only = true;  // The body goes out behind the head, not copied into it.
  std::string text;
  http::append_response(response, text);
  co_return co_await client.write(text, body);
}

OwnAnswer make_error(int status, std::string_view code, std::string_view message,
                     vllm::ErrorShape shape) {
  vllm::ApiError error;
  error.message = message;
  error.type = error_type(status, shape);
  error.status = status;
  error.code_word = code;
  OwnAnswer own{status, vllm::error_body(error, shape)};
  own.code = code;
  own.tells_request_id = shape == vllm::ErrorShape::kAnthropic;
  return own;
}

OwnAnswer make_refusal(const http::Refusal& refusal, vllm::ErrorShape shape) {
  return make_error(refusal.status, refusal_code(refusal.status), refusal.message, shape);
}

std::string with_request_id(std::string_view body, std::string_view request_id) {
  std::string out(body.substr(0, body.size() - 1));
  return out + ",\"request_id\":" + openai::json_quoted(request_id) + "}";
}

}  // namespace olla::proxy
