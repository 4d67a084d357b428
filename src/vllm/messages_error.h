#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace olla::vllm {

/// Longest error of an endpoint whose text is read; what is longer is no error's text. vLLM repeats
/// values of the request in some of its own.
inline constexpr std::size_t kErrorBytesMax = 256 * 1024;

/// As much as an error repeats of a body that is no document of a known shape.
inline constexpr std::size_t kPlainErrorBytesMax = 1024;

/// An endpoint's error for a client of Anthropic's API, whose shape it has afterwards: the type by
/// the status (400 to 599), the message as the endpoint wrote it. nullopt: the body has that shape,
/// whatever its words.
///
/// Of vLLM that shape have the errors of the Messages API itself; those of its validation have
/// OpenAI's, and those of its framework a member `detail`.
[[nodiscard]] std::optional<std::string> messages_error_of(int status, std::string_view body);

}  // namespace olla::vllm
