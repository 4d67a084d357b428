#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sim/answer.h"
#include "sim/prompt.h"

namespace olla::sim {

/// A vector of length 1 that depends on the tokens alone, whichever server is asked. Texts that
/// share words point in similar directions. `dimensions` shortens it as a Matryoshka model does:
/// the first ones, scaled to length 1 again.
std::vector<float> embed(const std::vector<TokenId>& tokens, std::size_t dimensions);

constexpr std::size_t kEmbeddingDimensions = 256;

/// Bytes as base64 (RFC 4648, section 4), with padding.
std::string base64(std::string_view bytes);

/// Appends a vector as a list of numbers, or as a string of its bytes in base64.
void append_vector(std::string& out, const std::vector<float>& vector, bool as_base64);

/// What an embeddings request is answered with, besides what it says itself.
struct EmbeddingContext {
  PromptRules rules;
  const std::vector<std::string>& models;  ///< Served names.
  std::string id;                          ///< Without its prefix "embd-".
  std::int64_t created = 0;                ///< Seconds since 1970.
};

/// The whole of POST /v1/embeddings for a body that is an object.
Answer embeddings_answer(const nlohmann::json& body, const EmbeddingContext& context);

}  // namespace olla::sim
