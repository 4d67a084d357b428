#include "sim/ranks.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace olla::sim {

Ranks::Ranks(const EngineRules& rules, std::size_t count) {
  OLLA_CHECK(count > 0);
  for (std::size_t i = 0; i < count; ++i) {
    ranks_.emplace_back(rules);
  }
}

void Ranks::submit(Generation& generation, std::vector<Sequence> sequences, TimePoint now) {
  std::vector<Choice>& choices = generation.exchange_.choices;
  OLLA_CHECK(choices.size() == sequences.size());
  if (holding_) {
    held_.push_back({&generation, std::move(sequences)});
    return;
  }
  generation.rank_ = turn_;
  turn_ = (turn_ + 1) % ranks_.size();
  Rank& rank = ranks_[generation.rank_];
  for (std::size_t i = 0; i < choices.size(); ++i) {
    choices[i].sequence = rank.engine.submit(std::move(sequences[i]), now);
    rank.places.emplace(choices[i].sequence, Place{&generation, i});
  }
}

std::optional<TimePoint> Ranks::next_time() const {
  std::optional<TimePoint> earliest;
  for (const Rank& rank : ranks_) {
    const auto next = rank.engine.next_time();
    if (next && (!earliest || *next < *earliest)) earliest = next;
  }
  return earliest;
}

void Ranks::advance(TimePoint now) {
  for (Rank& rank : ranks_) {
    advance(rank, now);
  }
}

void Ranks::advance(Rank& rank, TimePoint now) {
  while (const auto event = rank.engine.next(now)) {
    const auto at = rank.places.find(event->sequence);
    OLLA_CHECK(at != rank.places.end());
    const Place place = at->second;
    if (event->finish) rank.places.erase(at);
    Generation& generation = *place.generation;
    const bool stopped = generation.add_token(place.choice, *event);
    if (stopped && !event->finish) {
      rank.places.erase(event->sequence);
      rank.engine.stop(event->sequence, event->time);
    }
    // Last: the listener may leave and destroy the generation.
    generation.notify();
  }
}

void Ranks::leave(Generation& generation, TimePoint now) {
  if (generation.done()) return;
  const auto is_it = [&generation](const Held& held) { return held.generation == &generation; };
  held_.erase(std::remove_if(held_.begin(), held_.end(), is_it), held_.end());
  Rank& rank = ranks_[generation.rank_];
  for (const Choice& choice : generation.exchange().choices) {
    if (rank.places.erase(choice.sequence) > 0) rank.engine.abort(choice.sequence, now);
  }
}

void Ranks::release(TimePoint now) {
  holding_ = false;
  while (!held_.empty()) {
    Held held = std::move(held_.front());
    held_.pop_front();
    submit(*held.generation, std::move(held.sequences), now);
  }
}

Generation* Ranks::find(const std::string& id) const {
  for (const Rank& rank : ranks_) {
    for (const auto& [sequence, place] : rank.places) {
      if (id.empty() || place.generation->exchange().id == id) return place.generation;
    }
  }
  return nullptr;
}

std::size_t Ranks::abort(const std::string& id, TimePoint now) {
  std::size_t count = 0;
  Generation* generation = find(id);
  while (generation != nullptr) {
    leave(*generation, now);
    generation->abort();
    generation->notify();
    ++count;
    generation = find(id);
  }
  return count;
}

void Ranks::fail(Generation& generation, TimePoint now) {
  leave(generation, now);
  generation.fail();
}

void Ranks::fail_all(TimePoint now) {
  release(now);
  for (Rank& rank : ranks_) {
    while (!rank.places.empty()) {
      Generation& generation = *rank.places.begin()->second.generation;
      fail(generation, now);
      generation.notify();
    }
  }
}

void Ranks::update(TimePoint now) {
  for (Rank& rank : ranks_) {
    rank.engine.advance(now);
  }
}

std::size_t Ranks::present() const {
  std::size_t count = 0;
  for (const Rank& rank : ranks_) {
    count += rank.engine.stats().present;
  }
  return count;
}

bool Ranks::reset_prefixes(TimePoint now) {
  bool all = true;
  for (Rank& rank : ranks_) {
    all = rank.engine.reset_prefixes(now) && all;
  }
  return all;
}

std::vector<const Engine*> Ranks::engines() const {
  std::vector<const Engine*> out;
  for (const Rank& rank : ranks_) {
    out.push_back(&rank.engine);
  }
  return out;
}

}  // namespace olla::sim
