#include "sim/engine.h"

#include <utility>

#include "sim/engine/core.h"
#include "sim/engine/steady_pace.h"

namespace olla::sim {
namespace {

std::unique_ptr<engine::Pace> make_pace(const EngineRules& rules) {
  if (rules.profile) return std::make_unique<engine::Core>(rules.profile, rules.policy);
  engine::SteadyPace::Rules steady;
  steady.ttft = rules.ttft;
  steady.itl = rules.itl;
  steady.max_num_seqs = rules.max_num_seqs;
  steady.num_gpu_blocks = rules.num_gpu_blocks;
  return std::make_unique<engine::SteadyPace>(steady);
}

}  // namespace

Engine::Engine(const EngineRules& rules) : pace_(make_pace(rules)) {}

SequenceId Engine::submit(Sequence sequence, TimePoint now) {
  engine::Request request;
  request.prompt = engine::prompt_of(sequence.prompt, sequence.cache_salt);
  request.tokens_max = sequence.tokens_max;
  request.priority = sequence.priority;
  request.samples = sequence.samples;
  sequence.prompt = {};  // Its hashes are all that is needed from here on.
  auto writer = std::make_unique<Writer>(std::move(sequence));
  request.source = writer.get();
  const SequenceId id = pace_->submit(std::move(request), now);
  writers_.emplace(id, std::move(writer));
  return id;
}

std::optional<TokenEvent> Engine::next(TimePoint now) {
  const auto output = pace_->next(now);
  if (!output) return std::nullopt;
  if (output->finish) writers_.erase(output->request);
  return TokenEvent{output->request, output->token, output->time, output->finish,
                    output->cached_tokens};
}

void Engine::stop(SequenceId id, TimePoint now) {
  pace_->stop(id, now);
  writers_.erase(id);
}

void Engine::abort(SequenceId id, TimePoint now) {
  pace_->abort(id, now);
  writers_.erase(id);
}

engine::TokenSource::Sample Engine::Writer::sample() {
  const bool may_end = !sequence_.ignore_end && tokens_ >= sequence_.tokens_min;
  ++tokens_;
  const TokenId token = sequence_.text.next(may_end);
  return {token, token == Tokenizer::kTurnEnd};
}

}  // namespace olla::sim
