#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace olla::sim::engine {

/// In which order waiting requests are admitted.
enum class Policy : std::uint8_t {
  kFcfs,      ///< First come, first served.
  kPriority,  ///< The smallest `priority` first, and of equal ones the one that came first.
};

/// How long the steps of a model on a GPU take, and what its server allows. All times are in
/// microseconds, as in the YAML form; a member's name there is the same as here.
struct Profile {
  std::string name;

  /// A step that only decodes.
  struct DecodeStep {
    double fixed = 0;
    double per_sequence = 0;
    double per_context_token = 0;  ///< Of all sequences together.
  } decode_step;

  /// A step with tokens of prompts.
  struct PromptStep {
    double fixed = 0;
    double per_token = 0;          ///< Of prompts, and one for each sequence that decodes.
    double per_pair = 0;           ///< A token of a prompt and one that it looks back to.
    double per_context_token = 0;  ///< Of the sequences that decode.
  } prompt_step;

  /// What the CPU does before the GPU has a step: the step ends no sooner than this.
  struct Launch {
    double schedule = 0;      ///< To decide on a step.
    double decode = 0;        ///< To launch one that only decodes.
    double small_prompt = 0;  ///< One with prompts, and so few tokens that a graph has them.
    double large_prompt = 0;  ///< One with prompts and more tokens.
    double small_idle = 0;    ///< As small_prompt, while no other step runs.
    double large_idle = 0;    ///< As large_prompt, while no other step runs.
    double per_arrival = 0;   ///< More for each request that comes in during one with prompts.
    std::size_t graph_tokens = 512;  ///< Most tokens of a step that a graph has.
  } launch;

  /// The API server, before and after the engine.
  struct FrontEnd {
    double before = 0;            ///< From a request's arrival until it can be scheduled.
    double before_per_token = 0;  ///< More for each token of the prompt.
    double after = 0;             ///< From a token until the client has it.
    double after_per_token = 0;   ///< More before the first token, for each token of the prompt.
    double per_event = 0;         ///< It sends one token after the other.
  } front_end;

  /// What the server allows, as vLLM's flags of these names do.
  struct Limits {
    std::size_t max_num_seqs = 256;
    std::size_t max_num_batched_tokens = 8192;
    std::size_t max_model_len = 32768;
    std::size_t num_gpu_blocks = 0;  ///< Of 16 tokens.
    bool enable_prefix_caching = true;
  } limits;
};

/// Reads a profile from YAML. Every member is needed, with a number of at least 0.
/// Errors: kMalformed, with all that is wrong in `detail`, one line each.
Result<Profile> parse_profile(std::string_view yaml);

/// The profile that is built in under this name, or nullptr.
std::shared_ptr<const Profile> builtin_profile(std::string_view name);

/// The names of those.
std::vector<std::string> builtin_profile_names();

/// The default: Llama 3.1 8B on an H100.
inline constexpr std::string_view kDefaultProfile = "llama-8b-h100";

/// The YAML of all built-in profiles.
std::vector<std::string_view> builtin_profile_texts();

}  // namespace olla::sim::engine
