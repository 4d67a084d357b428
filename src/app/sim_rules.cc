#include "app/sim_rules.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "config/document.h"
#include "sim/engine/block_hash.h"
#include "sim/engine/profile.h"

namespace olla::app {
namespace {

using sim::engine::Profile;

Error wrong(std::string detail) {
  return {Errc::kMalformed, Side::kGateway, std::move(detail)};
}

Result<Profile> profile_of(const std::string& name) {
  if (const auto builtin = sim::engine::builtin_profile(name)) return *builtin;
  std::ifstream file(name, std::ios::binary);
  if (!file) {
    std::string known;
    for (const std::string& each : sim::engine::builtin_profile_names()) {
      known += (known.empty() ? "" : ", ") + each;
    }
    return wrong("--profile: no such file, and no such profile; there are: " + known);
  }
  std::string text;
  for (std::istreambuf_iterator<char> at(file), end;
       at != end && text.size() <= config::kDocumentBytesMax; ++at) {
    text += *at;
  }
  auto profile = sim::engine::parse_profile(text);
  if (!profile) return wrong("--profile " + name + ": " + profile.error().detail);
  return profile;
}

/// A steady pace, for those who asked for one.
sim::EngineRules steady_rules(const SimFlags& flags) {
  sim::EngineRules rules;
  if (flags.ttft) rules.ttft = *flags.ttft;
  if (flags.itl) rules.itl = *flags.itl;
  rules.max_num_seqs = flags.max_num_seqs.value_or(rules.max_num_seqs);
  rules.num_gpu_blocks = flags.num_gpu_blocks.value_or(rules.num_gpu_blocks);
  rules.max_model_len = flags.max_model_len.value_or(kDefaultModelLen);
  return rules;
}

}  // namespace

Result<sim::EngineRules> sim_rules(const SimFlags& flags) {
  sim::EngineRules rules = steady_rules(flags);
  rules.max_num_queued_reqs = flags.max_num_queued_reqs;
  if (flags.policy == "priority") rules.policy = sim::engine::Policy::kPriority;
  if (flags.ttft || flags.itl) return rules;

  const auto profile = profile_of(flags.profile);
  if (!profile) return profile.error();
  Profile own = *profile;
  Profile::Limits& limits = own.limits;
  limits.max_num_seqs = flags.max_num_seqs.value_or(limits.max_num_seqs);
  limits.max_num_batched_tokens =
      flags.max_num_batched_tokens.value_or(limits.max_num_batched_tokens);
  limits.num_gpu_blocks = flags.num_gpu_blocks.value_or(limits.num_gpu_blocks);
  limits.enable_prefix_caching = limits.enable_prefix_caching && flags.prefix_caching;
  rules.max_model_len =
      flags.max_model_len.value_or(std::min(kDefaultModelLen, limits.max_model_len));
  // A trace is cut at this length, and otherwise takes all that fits.
  if (!flags.trace.empty() && !flags.max_model_len) {
    rules.max_model_len = limits.num_gpu_blocks * sim::engine::kBlockTokens;
  }
  const std::size_t blocks = sim::engine::blocks_for(rules.max_model_len);
  if (blocks > limits.num_gpu_blocks) {
    return wrong("the KV cache has " + std::to_string(limits.num_gpu_blocks) +
                 " blocks, and a request of --max-model-len " +
                 std::to_string(rules.max_model_len) + " needs " + std::to_string(blocks));
  }
  rules.profile = std::make_shared<const Profile>(std::move(own));
  return rules;
}

}  // namespace olla::app
