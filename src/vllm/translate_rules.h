#pragma once

#include <array>
#include <string_view>

#include "vllm/version.h"

namespace olla::vllm {

/// Where vLLM's API changed. Each is the first release that has the change.

/// The V1 engine became the default. It refuses best_of greater than 1, which the older engine
/// generates itself, and a guided_decoding_backend that differs from the server's own, which the
/// older engine takes per request (vLLM pull requests 13997 and 14356; "V1 guide" of its manual).
inline constexpr Version kV1EngineSince = {.minor = 8};

/// `structured_outputs` in requests (vLLM pull request 22772; recorded on 0.11.0).
inline constexpr Version kStructuredOutputsSince = {.minor = 11};

/// The guided_... parameters are gone: ignored without a word (vLLM pull request 29326; recorded on
/// 0.32.0; 0.11.0 still obeys them). So is best_of (vLLM pull request 29090).
inline constexpr Version kGuidedGoneSince = {.minor = 12};

/// xgrammar as a guided_decoding_backend (vLLM pull request 10785).
inline constexpr Version kXgrammarSince = {.minor = 6, .patch = 5};

/// What the value of a constraint must be.
enum class ValueType { kText, kTextOrObject, kListOfTexts };

/// One kind of constraint on the output, under its two names.
struct Constraint {
  std::string_view guided;      ///< A member of the request.
  std::string_view structured;  ///< A member of its `structured_outputs`.
  ValueType type;
  std::string_view to_structured;  ///< What X-Olla-Translated says.
  std::string_view to_guided;      ///< The same for the other way.
};

inline constexpr std::array<Constraint, 4> kConstraints = {{
    {"guided_json", "json", ValueType::kTextOrObject, "guided_json->structured_outputs.json",
     "structured_outputs.json->guided_json"},
    {"guided_regex", "regex", ValueType::kText, "guided_regex->structured_outputs.regex",
     "structured_outputs.regex->guided_regex"},
    {"guided_choice", "choice", ValueType::kListOfTexts, "guided_choice->structured_outputs.choice",
     "structured_outputs.choice->guided_choice"},
    {"guided_grammar", "grammar", ValueType::kText, "guided_grammar->structured_outputs.grammar",
     "structured_outputs.grammar->guided_grammar"},
}};

}  // namespace olla::vllm
