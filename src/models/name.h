#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/entry.h"

namespace olla::models {

/// What the name of a model says about it by the habits of those who name models. A guess: what a
/// server tells is better. Empty: nothing.
struct NameParts {
  std::string family;          ///< Such as "llama", in lower case.
  std::string variant;         ///< Its version, such as "3.1".
  std::string parameter_size;  ///< Such as "8B", "8x7B" or "137M".
  std::string quantization;    ///< Such as "Q4_K_M", "AWQ" or "FP8".
};

[[nodiscard]] NameParts parts_of_name(std::string_view id);

/// "8B" is 8,000,000,000, "8x7B" 56,000,000,000; nullopt for anything else.
[[nodiscard]] std::optional<std::int64_t> parameter_count(std::string_view size);

/// "8B" of 8,030,261,248 parameters.
[[nodiscard]] std::string parameter_size(std::int64_t parameters);

/// What a model is made for.
enum class Kind : std::uint8_t { kText, kVision, kEmbeddings, kReranking };

/// As LM Studio names it: "llm", "vlm", "embeddings"; and "rerank".
const char* to_string(Kind kind);

/// By what the server told, or else by the name.
[[nodiscard]] Kind kind_of(const ModelEntry& entry);

/// What a model can do, in the words of Olla's table of names: "text-generation" for every one that
/// makes text, "chat", "vision", "long-context" and so on, and what the server told, with '-' for
/// '_'; each once.
[[nodiscard]] std::vector<std::string> capabilities_of(const ModelEntry& entry);

}  // namespace olla::models
