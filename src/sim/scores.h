#pragma once

#include <nlohmann/json_fwd.hpp>

#include "sim/answer.h"
#include "sim/embeddings.h"

/// What servers of embedding models answer beside embeddings. Each takes the whole request for a
/// body that is an object; `context.id` comes without its prefix.
namespace olla::sim {

/// POST /score and /v1/score: how alike pairs of texts are, the cosine of their embeddings.
Answer score_answer(const nlohmann::json& body, const EmbeddingContext& context);

/// POST /rerank, /v1/rerank and /v2/rerank: documents by how alike they are to a query.
Answer rerank_answer(const nlohmann::json& body, const EmbeddingContext& context);

/// POST /classify: one of three labels, made up but always the same for a text.
Answer classify_answer(const nlohmann::json& body, const EmbeddingContext& context);

/// POST /pooling: the embeddings once more.
Answer pooling_answer(const nlohmann::json& body, const EmbeddingContext& context);

}  // namespace olla::sim
