#pragma once

#include <span>
#include <string_view>

namespace olla::models {

/// One question to a server of unknown kind, and what its answer may mean.
struct KindQuestion {
  std::string_view path;
  /// The type of a server that answers with status 200 and this body; empty: it does not tell.
  std::string_view (*kind_of)(std::string_view body);
};

/// What to ask such a server, one after the other until an answer tells.
[[nodiscard]] std::span<const KindQuestion> kind_questions();

/// Whether a body is a list of models as OpenAI has it: then the server is at least compatible.
[[nodiscard]] bool is_openai_list(std::string_view body);

}  // namespace olla::models
