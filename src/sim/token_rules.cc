#include "sim/token_rules.h"

#include <algorithm>

#include "base/random.h"

namespace olla::sim {
namespace {

constexpr double kForbidden = -100;    // what OpenAI calls a ban
constexpr double kNaturalScore = 10;   // of the model's own choice
constexpr double kOthersScoreMax = 8;  // and of any other token, before its bias

double score(TokenId token, std::uint64_t seed) {
  return kOthersScoreMax * Random(seed ^ (token * 0x9E3779B97F4A7C15ULL)).unit();
}

}  // namespace

bool TokenRules::permits(TokenId token) const {
  const auto biased = bias.find(token);
  if (biased != bias.end() && biased->second <= kForbidden) return false;
  return allowed.empty() || std::binary_search(allowed.begin(), allowed.end(), token);
}

bool TokenRules::permits(TokenId token, const Place& place) const {
  if (!permits(token)) return false;
  if (!place.may_stop && (token == Tokenizer::kTurnEnd || stop.contains(token))) return false;
  for (const std::vector<TokenId>& word : bad_words) {
    const std::size_t size = word.size() - 1;
    if (word.back() != token || place.before.size() < size) continue;
    if (std::equal(word.begin(), word.end() - 1, place.before.end() - std::ssize(word) + 1)) {
      return false;
    }
  }
  return true;
}

TokenId TokenRules::choose(const Tokenizer& tokenizer, const Place& place) const {
  const auto bias_of = [this](TokenId token) {
    const auto at = bias.find(token);
    return at == bias.end() ? 0.0 : at->second;
  };
  TokenId best = place.natural;
  bool found = permits(best, place);
  double best_score = kNaturalScore + bias_of(best);
  const auto consider = [&](TokenId token) {
    if (token == place.natural || !permits(token, place)) return;
    const double own = score(token, place.seed) + bias_of(token);
    if (found && own <= best_score) return;
    best = token;
    best_score = own;
    found = true;
  };
  for (const auto& [token, value] : bias) {
    if (value > 0) consider(token);
  }
  for (const TokenId token : allowed) {
    consider(token);
  }
  // Any word will do in place of one that is forbidden.
  const std::size_t words = tokenizer.words();
  const std::size_t first = Random(place.seed).below(words);
  for (std::size_t i = 0; i < words && !found; ++i) {
    consider(tokenizer.first_word() + static_cast<TokenId>((first + i) % words));
  }
  return best;
}

}  // namespace olla::sim
