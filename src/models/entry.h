#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace olla::models {

/// What only some kinds of servers tell of a model: Ollama, LM Studio, llama.cpp, Lemonade. Texts
/// are as the server wrote them; empty: it did not.
struct Details {
  std::string type = {};            ///< "llm", "vlm" or "embeddings".
  std::string family = {};          ///< Such as "llama".
  std::string parameter_size = {};  ///< Such as "8B".
  std::string quantization = {};    ///< Such as "Q4_K_M".
  std::string file_format = {};     ///< Such as "gguf".
  std::string publisher = {};
  std::string state = {};  ///< "loaded" or "not-loaded".
  std::string digest = {};
  std::string modified_at = {};
  std::string checkpoint = {};
  std::string recipe = {};
  std::vector<std::string> capabilities = {};
  std::optional<std::int64_t> size = {};        ///< Bytes on disk.
  std::optional<std::int64_t> parameters = {};  ///< Their number.

  friend bool operator==(const Details&, const Details&) = default;
};

/// One entry of a server's model list.
struct ModelEntry {
  std::string id = {};
  std::string owned_by = {};
  std::optional<std::string> root = {};            ///< Of a vLLM: the path or name that was loaded.
  std::optional<std::string> parent = {};          ///< Of a LoRA adapter: the id of its base model.
  std::optional<std::int64_t> max_model_len = {};  ///< Tokens of context; null for a LoRA adapter.
  std::string permission = "[]";                   ///< A JSON list, as a vLLM wrote it.
  Details details = {};

  friend bool operator==(const ModelEntry&, const ModelEntry&) = default;
};

/// When each model id was first seen, Unix time in seconds.
using FirstSeen = std::map<std::string, std::int64_t, std::less<>>;

}  // namespace olla::models
