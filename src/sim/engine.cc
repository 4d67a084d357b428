#include "sim/engine.h"

#include <utility>

#include "base/random.h"
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
  const bool may_stop = tokens_ >= sequence_.tokens_min;
  const bool may_end = !sequence_.ignore_end && may_stop;
  const TokenRules* rules = sequence_.rules.get();
  if (rules == nullptr) {
    ++tokens_;
    const TokenId token = sequence_.text.next(may_end);
    return {token, token == Tokenizer::kTurnEnd};
  }
  const TokenId natural = sequence_.text.next(may_end && rules->permits_end());
  const TokenId token = sequence_.text.fixed() ? natural : choose(natural, may_stop);
  ++tokens_;
  before_.push_back(token);
  // Behind a text that is demanded there is nothing to go on with.
  const bool goes_on = sequence_.ignore_end && !sequence_.text.fixed();
  const bool ends = token == Tokenizer::kTurnEnd && !goes_on;
  return {token, ends || (may_stop && rules->stop.contains(token))};
}

TokenId Engine::Writer::choose(TokenId natural, bool may_stop) {
  TokenRules::Place place{natural, Random(sequence_.seed + tokens_).next(), before_, may_stop};
  return sequence_.rules->choose(sequence_.text.tokenizer(), place);
}

}  // namespace olla::sim
