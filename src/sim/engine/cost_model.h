#pragma once

#include <cstddef>

#include "base/clock.h"
#include "sim/engine/profile.h"

namespace olla::sim::engine {

/// What one step has to do.
struct StepWork {
  std::size_t prompt_tokens = 0;
  double pairs = 0;         ///< Of a token of a prompt and one at or before it.
  std::size_t decodes = 0;  ///< Sequences that get one more token.
  std::size_t context = 0;  ///< Tokens that these look back to, together.

  /// `tokens` of a prompt are computed after `computed` ones.
  void add_prompt(std::size_t tokens, std::size_t computed) {
    const auto count = static_cast<double>(tokens);
    prompt_tokens += tokens;
    pairs += count * (static_cast<double>(computed) + (count + 1) / 2);
  }
  /// A sequence of `computed` tokens gets one more.
  void add_decode(std::size_t computed) {
    ++decodes;
    context += computed + 1;
  }
  [[nodiscard]] std::size_t tokens() const { return prompt_tokens + decodes; }
};

/// How long the work takes on the GPU.
Duration step_time(const Profile& profile, const StepWork& work);

/// How long the CPU takes to hand it to the GPU, once it is decided on. `idle`: no other step is
/// under way.
Duration launch_time(const Profile& profile, const StepWork& work, bool idle);

/// Neither a step nor a delay takes longer, whatever a profile says: the sums of its products would
/// not fit a duration.
inline constexpr double kMicrosecondsMax = 3600e6;

/// `microseconds` as a duration, at most kMicrosecondsMax.
Duration from_microseconds(double microseconds);

}  // namespace olla::sim::engine
