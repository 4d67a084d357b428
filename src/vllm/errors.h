#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "openai/request.h"

namespace olla::vllm {

/// An error as vLLM and the OpenAI API write it.
struct ApiError {
  std::string_view message;
  std::string_view type;                                 ///< For example "BadRequestError".
  std::optional<std::string_view> param = std::nullopt;  ///< The member at fault; else null.
  int status = 500;  ///< The HTTP status, which is also the value of "code", ...
  std::optional<std::string_view> code_word = std::nullopt;  ///< ... unless this word is given.
};

/// {"error":{"message":...,"type":...,"param":...,"code":...}}, the keys in vLLM's order, no
/// spaces. Every text is escaped, and is valid UTF-8 afterwards.
[[nodiscard]] std::string error_body(const ApiError& error);

/// The body of the 400 with which vLLM 0.32 answers a request body that is no JSON object, word by
/// word as recorded for no bytes, null, an array and broken JSON, and by analogy for the others.
/// `facts` is what inspect_request(body) said, and its kind is not kObject.
[[nodiscard]] std::string not_an_object_error(const openai::RequestFacts& facts,
                                              std::string_view body);

}  // namespace olla::vllm
