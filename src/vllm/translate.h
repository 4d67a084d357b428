#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "openai/members.h"
#include "vllm/version.h"

namespace olla::vllm {

/// How to answer a request with best_of, which no vLLM of today knows: ask for `asked` answers,
/// return the `wanted` best of them.
struct BestOf {
  std::size_t asked = 1;       ///< Answers that the translated body asks for, per prompt.
  std::size_t wanted = 1;      ///< Answers that the client asked for; fewer than `asked`.
  bool keep_logprobs = false;  ///< The client asked for logprobs itself.

  friend bool operator==(const BestOf&, const BestOf&) = default;
};

/// What becomes of a request before it goes to a server of some version.
struct Translation {
  /// The body to send; nullopt: the client's own, unchanged and not copied.
  std::optional<std::string> body = std::nullopt;
  /// What was done, as the value of the header X-Olla-Translated, for example
  /// "guided_json->structured_outputs.json, guided_decoding_backend dropped". Empty: nothing. Never
  /// holds text of the client's.
  std::string note = {};
  /// The body of a 400 in vLLM's words that names the parameter. When set the request is not sent,
  /// and no other member counts.
  std::optional<std::string> refusal = std::nullopt;
  /// When set, an answer with status 200 goes through choose_best(). It is never a stream.
  std::optional<BestOf> best_of = std::nullopt;
};

/// False: translate() has nothing to do for a body whose members at the top level have these keys.
[[nodiscard]] bool may_need_translation(const openai::KeySet& keys);

/// Translates the parameters in `body`, a request for `path` (without prefix and query), for a
/// server of `version`. docs/vllm.md lists the rules, translate_rules.h the versions.
///
/// Only /v1/chat/completions and /v1/completions have something to translate. A member that is null
/// counts as absent; of duplicates the last counts. A body that is not one whole JSON object is
/// left to the server to judge. A request that needs nothing costs one scan of its body and no
/// allocation; a changed one is the client's own bytes with the changed members spliced in.
[[nodiscard]] Translation translate(std::string_view path, std::string_view body,
                                    const Version& version);

/// The answer to the client, out of the whole answer `response` of a server to a request that was
/// translated for best_of.
///
/// Of each prompt's answers the best `wanted` by mean log probability of their tokens, best first,
/// with `index` counted anew and logprobs null unless the client asked for them; answers without
/// log probabilities keep their order behind the others. `usage` says what was really spent: all
/// `asked` answers. Text that is no such answer is returned as it is.
[[nodiscard]] std::string choose_best(std::string_view response, const BestOf& best_of);

/// The answer to the client, out of a server's refusal `response` of a request that was translated:
/// the server names parameters that the client did not write, so the message says, by `note`, what
/// they were. Text that is no error of vLLM's is returned as it is.
[[nodiscard]] std::string explain_refusal(std::string_view response, std::string_view note);

}  // namespace olla::vllm
