#include "sim/engine/cost_model.h"

#include <algorithm>

namespace olla::sim::engine {

Duration from_microseconds(double microseconds) {
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double, std::micro>(std::min(microseconds, kMicrosecondsMax)));
}

Duration step_time(const Profile& profile, const StepWork& work) {
  const auto context = static_cast<double>(work.context);
  if (work.prompt_tokens == 0) {
    const Profile::DecodeStep& cost = profile.decode_step;
    return from_microseconds(cost.fixed + cost.per_sequence * static_cast<double>(work.decodes) +
                             cost.per_context_token * context);
  }
  const Profile::PromptStep& cost = profile.prompt_step;
  return from_microseconds(cost.fixed + cost.per_token * static_cast<double>(work.tokens()) +
                           cost.per_pair * work.pairs + cost.per_context_token * context);
}

Duration launch_time(const Profile& profile, const StepWork& work, bool idle) {
  const Profile::Launch& launch = profile.launch;
  if (work.prompt_tokens == 0) return from_microseconds(launch.decode);
  const bool small = work.tokens() <= launch.graph_tokens;
  if (idle) return from_microseconds(small ? launch.small_idle : launch.large_idle);
  return from_microseconds(small ? launch.small_prompt : launch.large_prompt);
}

}  // namespace olla::sim::engine
