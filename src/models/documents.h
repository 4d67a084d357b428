#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "models/catalogue.h"

namespace olla::models {

/// The shape of a model list.
enum class Shape : std::uint8_t { kUnified, kOpenAi, kVllm, kOllama, kLmStudio, kLemonade };

/// The shape that a client asks for by `name`, or nullopt. Names are those of Olla, in lower case.
[[nodiscard]] std::optional<Shape> shape_named(std::string_view name);

/// All names of shapes with commas between them, for messages.
[[nodiscard]] std::string shape_names();

/// A list of `models`, which belong to `catalogue`. In the shapes of Ollama and LM Studio only what
/// such servers have, and of each model what the first of them says.
[[nodiscard]] std::string list_document(const Catalogue& catalogue,
                                        std::span<const Model* const> models, Shape shape);

/// "q4km" of "Q4_K_M", as Olla's own documents have it.
[[nodiscard]] std::string short_quantization(std::string_view quantization);

/// "2026-11-23T01:54:41Z" of Unix time in seconds.
[[nodiscard]] std::string utc_text(std::int64_t unix_seconds);

}  // namespace olla::models
