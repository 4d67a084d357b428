#include "sim/text.h"

#include <array>
#include <string_view>
#include <utility>

namespace olla::sim {
namespace {

// A sentence has at most 25 tokens, so a text ends 20 to 120 tokens after its start.
constexpr std::size_t kEndAfterMin = 20;
constexpr std::size_t kEndAfterMax = 92;
// A new paragraph now and then: it looks better, and its line feeds test the escapes of JSON.
constexpr std::size_t kSentencesPerParagraph = 4;

constexpr std::array<std::string_view, 18> kSubjects = {
    "the scheduler",    "the gateway",      "a small batch",   "the prefix cache",
    "each worker",      "the router",       "a long prompt",   "the engine",
    "the decoder",      "a warm cache",     "the queue",       "every request",
    "the model",        "a steady stream",  "the memory pool", "the attention kernel",
    "a patient client", "a healthy replica"};
constexpr std::array<std::string_view, 18> kVerbs = {
    "keeps",   "shares", "moves",    "feeds",    "watches", "balances",
    "reads",   "fills",  "measures", "protects", "returns", "holds",
    "follows", "guards", "prepares", "admits",   "carries", "serves"};
constexpr std::array<std::string_view, 14> kObjects = {
    "the next token",          "the free blocks",      "the running batch", "a short answer",
    "the key and value pages", "each waiting request", "the shared prefix", "the whole fleet",
    "the slowest client",      "the first word",       "enough memory",     "a stable rhythm",
    "the hidden state",        "the open stream"};
constexpr std::array<std::string_view, 12> kTails = {"while the queue stays short",
                                                     "before the client notices",
                                                     "without losing a single token",
                                                     "as soon as memory is free",
                                                     "even when traffic grows",
                                                     "and then waits for the next step",
                                                     "because the cache is already warm",
                                                     "one step at a time",
                                                     "for as long as the stream is open",
                                                     "whenever the load falls again",
                                                     "so that the first token comes early",
                                                     "and nobody has to wait"};
constexpr std::array<std::string_view, 10> kOpeners = {
    "in practice",          "most of the time",   "at night",
    "under heavy load",     "with a little care", "on a busy server",
    "after the first step", "in a healthy fleet", "on a quiet morning",
    "when all goes well"};
constexpr std::array<std::string_view, 12> kQualities = {"ready",   "warm",    "fair",   "steady",
                                                         "simple",  "careful", "quiet",  "honest",
                                                         "patient", "bright",  "stable", "fast"};

// Capital letters stand for a phrase of the lists above: Subject, Verb, Object, Tail, Opener,
// Quality. The rest is literal.
constexpr std::array<std::string_view, 10> kTemplates = {"S V O.",
                                                         "S V O T.",
                                                         "P, S V O.",
                                                         "P, S V O T.",
                                                         "when S V O, S V O.",
                                                         "S is Q, but S is more Q.",
                                                         "it helps that S V O T.",
                                                         "first S V O, then S V O.",
                                                         "nothing is lost: S V O.",
                                                         "a Q server is a Q server, and S V O."};

template <std::size_t kCount>
std::string_view pick(const std::array<std::string_view, kCount>& list, Random& random) {
  return list[random.below(kCount)];
}

}  // namespace

TextSeeds::TextSeeds(std::uint64_t seed, std::size_t sample)
    : state_(Random(seed).next()), sample_(sample) {}

void TextSeeds::add(TokenId token) {
  // FNV-1a over whole tokens: a prompt may have thousands, and each costs one multiplication.
  state_ = (state_ ^ token) * 0x100000001B3ULL;
}

std::uint64_t TextSeeds::seed() const {
  return Random(state_ + sample_ * 0x9E3779B97F4A7C15ULL).next();
}

std::uint64_t text_seed(const TextSeed& parts) {
  TextSeeds seeds(parts.seed, parts.sample);
  for (const TokenId token : parts.prompt) {
    seeds.add(token);
  }
  return seeds.seed();
}

std::vector<TokenId> text_beginnings(const Tokenizer& tokenizer) {
  std::vector<std::string_view> phrases(kSubjects.begin(), kSubjects.end());
  phrases.insert(phrases.end(), kOpeners.begin(), kOpeners.end());
  // Of the templates those count that begin with a word of their own.
  phrases.insert(phrases.end(), kTemplates.begin(), kTemplates.end());
  std::vector<TokenId> out;
  for (const std::string_view phrase : phrases) {
    std::string text(phrase.substr(0, phrase.find(' ')));
    if (text.front() >= 'A' && text.front() <= 'Z') continue;
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
    out.push_back(tokenizer.tokenize(text).front());
    out.push_back(tokenizer.tokenize(" " + text).front());
  }
  return out;
}

TextGenerator::TextGenerator(const Tokenizer& tokenizer, std::uint64_t seed, bool continues)
    : tokenizer_(&tokenizer), random_(seed), continues_(continues) {
  end_after_ = kEndAfterMin + random_.below(kEndAfterMax - kEndAfterMin + 1);
}

TextGenerator::TextGenerator(const Tokenizer& tokenizer, std::string_view text)
    : TextGenerator(tokenizer, tokenizer.tokenize(text)) {}

TextGenerator::TextGenerator(const Tokenizer& tokenizer, std::vector<TokenId> tokens)
    : tokenizer_(&tokenizer),
      random_(0),
      end_after_(0),
      continues_(false),
      fixed_(true),
      pending_(std::move(tokens)) {}

TokenId TextGenerator::next(bool may_end) {
  if (position_ == pending_.size()) {
    if (fixed_) return Tokenizer::kTurnEnd;
    if (may_end && produced_ >= end_after_) return Tokenizer::kTurnEnd;
    compose();
  }
  ++produced_;
  return pending_[position_++];
}

void TextGenerator::compose() {
  if (thinks_ && sentences_ == 0) return compose_thought();
  std::string text;
  if (sentences_ > 0 && sentences_ % kSentencesPerParagraph == (thinks_ ? 1 : 0)) {
    text = "\n\n";
  } else if (sentences_ > 0 || continues_) {
    text = " ";
  }
  ++sentences_;
  text += sentence();
  pending_.clear();
  position_ = 0;
  tokenizer_->append(text, pending_);
}

void TextGenerator::compose_thought() {
  ++sentences_;
  pending_ = {tokenizer_->phrase("<think>")};
  position_ = 0;
  tokenizer_->append("\n" + sentence() + "\n", pending_);
  pending_.push_back(tokenizer_->phrase("</think>"));
}

std::string TextGenerator::sentence() {
  std::string out;
  for (const char c : pick(kTemplates, random_)) {
    switch (c) {
      case 'S':
        out += pick(kSubjects, random_);
        break;
      case 'V':
        out += pick(kVerbs, random_);
        break;
      case 'O':
        out += pick(kObjects, random_);
        break;
      case 'T':
        out += pick(kTails, random_);
        break;
      case 'P':
        out += pick(kOpeners, random_);
        break;
      case 'Q':
        out += pick(kQualities, random_);
        break;
      default:
        out += c;
        break;
    }
  }
  out.front() = static_cast<char>(out.front() - 'a' + 'A');
  return out;
}

}  // namespace olla::sim
