#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "openai/splice.h"
#include "vllm/translate.h"
#include "vllm/translate_parameters.h"
#include "vllm/version.h"

namespace olla::vllm {

/// The two kinds of requests that have something to translate.
enum class RequestKind { kChat, kCompletion };

/// A translation that is being made. The parts below fill it in one after the other, each from the
/// client's own parameters; the first refusal ends it.
struct Draft {
  openai::MemberEdits edits = {};
  std::string note = {};
  std::optional<std::string> refusal = std::nullopt;
  std::optional<BestOf> best_of = std::nullopt;

  /// Adds to the note.
  void say(std::string_view what) {
    if (!note.empty()) note += ", ";
    note += what;
  }
};

/// guided_... to structured_outputs where the server knows that alone, and back where it does not
/// know it yet; guided_decoding_backend.
void translate_constraints(const Parameters& parameters, const Version& version, Draft& draft);

/// An integer as `logprobs` of a chat, which takes a boolean and `top_logprobs`.
void translate_chat_logprobs(const Parameters& parameters, Draft& draft);

/// Makes a plan of best_of where the server does not know it (any longer). After
/// translate_chat_logprobs().
void translate_best_of(const Parameters& parameters, RequestKind kind, const Version& version,
                       Draft& draft);

}  // namespace olla::vllm
