#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "openai/request.h"

namespace olla::vllm {

/// As much of the client's own words as an error repeats: it names the fault, it is no echo.
inline constexpr std::size_t kInputBytesMax = 100;

/// `text` cut to at most `bytes_max` bytes, not within a UTF-8 sequence.
[[nodiscard]] std::string_view shortened(std::string_view text,
                                         std::size_t bytes_max = kInputBytesMax);

/// How the body of an error looks.
enum class ErrorShape : std::uint8_t {
  kOpenAi,    ///< {"error":{"message":...,"type":...,"param":...,"code":...}}
  kMessages,  ///< {"type":"error","error":{"type":...,"message":...}}, on /v1/messages.
  /// The same with Anthropic's own words for the type, made from the status.
  kAnthropic,
};

/// The shape of errors of a server on the route of a path (decoded, without query and prefix).
[[nodiscard]] ErrorShape error_shape_of(std::string_view path);

/// An error as vLLM writes it.
struct ApiError {
  std::string_view message;
  std::string_view type;                                 ///< For example "BadRequestError".
  std::optional<std::string_view> param = std::nullopt;  ///< The member at fault; else null.
  int status = 500;  ///< The HTTP status, which is also the value of "code", ...
  std::optional<std::string_view> code_word = std::nullopt;  ///< ... unless this word is given.
};

/// The body, its keys in vLLM's order, no spaces. Every text is escaped, and is valid UTF-8
/// afterwards.
[[nodiscard]] std::string error_body(const ApiError& error, ErrorShape shape = ErrorShape::kOpenAi);

/// The body of the 400 with which vLLM 0.32 answers a request body that is no JSON object, word by
/// word as recorded for no bytes, null, an array and broken JSON, and by analogy for the others.
/// `facts` is what inspect_request(body) said, and its kind is not kObject.
[[nodiscard]] std::string not_an_object_error(const openai::RequestFacts& facts,
                                              std::string_view body);

}  // namespace olla::vllm
