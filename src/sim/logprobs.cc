#include "sim/logprobs.h"

#include <algorithm>
#include <cstdint>

#include "base/random.h"
#include "sim/json_text.h"

namespace olla::sim {
namespace {

constexpr double kLogprobMin = -1.6;  // of a chosen token; exp(-1.6) is one in five
constexpr double kGapMin = 0.1;       // from one alternative to the next
constexpr double kGapRange = 0.9;

void append_chat_token(std::string& out, const TokenNames& names, const TokenLogprob& token) {
  const std::string text = names.of(token.token);
  out += R"({"token":)";
  append_json_string(out, text);
  out += R"(,"logprob":)";
  append_json_number(out, static_cast<double>(token.logprob));
  out += R"(,"bytes":[)";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i > 0) out += ',';
    out += std::to_string(static_cast<std::uint8_t>(text[i]));
  }
  out += ']';
}

void append_text_logprob(std::string& out, const TokenNames& names, const TokenLogprob& token) {
  append_json_string(out, names.of(token.token));
  out += ':';
  append_json_number(out, static_cast<double>(token.logprob));
}

void append_ranked(std::string& out, const Tokenizer& tokenizer, const TokenLogprob& token,
                   std::size_t rank) {
  out += '"' + std::to_string(token.token) + R"(":{"logprob":)";
  append_json_number(out, static_cast<double>(token.logprob));
  out += R"(,"rank":)" + std::to_string(rank) + R"(,"decoded_token":)";
  append_json_string(out, tokenizer.text(token.token));
  out += '}';
}

void append_top(std::string& out, const TokenNames& names, const LogprobStep& step) {
  out += '{';
  append_text_logprob(out, names, step.chosen);
  for (const TokenLogprob& other : step.others) {
    out += ',';
    append_text_logprob(out, names, other);
  }
  out += '}';
}

}  // namespace

LogprobStep make_logprobs(const Tokenizer& tokenizer, TokenId token, std::size_t position,
                          std::size_t others) {
  Random random(token * 0x10001ULL + position);
  double logprob = kLogprobMin * random.unit();
  LogprobStep step{{token, static_cast<float>(logprob)}, {}};
  const std::size_t words = tokenizer.words();
  std::size_t word = random.below(words);
  while (step.others.size() < others) {
    word = (word + 1) % words;
    const auto other = static_cast<TokenId>(tokenizer.first_word() + word);
    // By text, not by id: a prompt of token ids may hold a byte that is a word too.
    if (tokenizer.text(other) == tokenizer.text(token)) continue;
    logprob -= kGapMin + kGapRange * random.unit();
    step.others.push_back({other, static_cast<float>(logprob)});
  }
  return step;
}

std::string TokenNames::of(TokenId token) const {
  return as_ids ? "token_id:" + std::to_string(token) : std::string(tokenizer.text(token));
}

void append_chat_logprobs(std::string& out, const TokenNames& names,
                          const std::vector<LogprobStep>& steps, bool with_top) {
  out += R"({"content":[)";
  bool first = true;
  for (const LogprobStep& step : steps) {
    if (!first) out += ',';
    first = false;
    append_chat_token(out, names, step.chosen);
    out += R"(,"top_logprobs":[)";
    if (with_top) {
      append_chat_token(out, names, step.chosen);
      out += '}';
      for (const TokenLogprob& other : step.others) {
        out += ',';
        append_chat_token(out, names, other);
        out += '}';
      }
    }
    out += "]}";
  }
  out += "]}";
}

std::size_t append_completion_logprobs(std::string& out, const TokenNames& names,
                                       const CompletionLogprobs& logprobs) {
  std::size_t offset = logprobs.offset;
  std::string own;
  std::string tokens;
  std::string top;
  out += R"({"text_offset":[)";
  bool first = true;
  for (const LogprobStep& step : logprobs.steps) {
    const bool unknown = first && logprobs.first_unknown;
    if (!first) {
      for (std::string* list : {&out, &own, &tokens, &top}) {
        *list += ',';
      }
    }
    first = false;
    out += std::to_string(offset);
    const std::string name = names.of(step.chosen.token);
    offset += characters(name);
    append_json_string(tokens, name);
    if (unknown) {
      own += "null";
      top += "null";
    } else {
      append_json_number(own, static_cast<double>(step.chosen.logprob));
      append_top(top, names, step);
    }
  }
  out += R"(],"token_logprobs":[)" + own + R"(],"tokens":[)" + tokens + R"(],"top_logprobs":[)" +
         top + "]}";
  return offset;
}

std::vector<LogprobStep> prompt_steps(const Tokenizer& tokenizer,
                                      const std::vector<TokenId>& prompt, std::size_t others) {
  std::vector<LogprobStep> steps;
  steps.reserve(prompt.size());
  for (const TokenId token : prompt) {
    steps.push_back(make_logprobs(tokenizer, token, steps.size(), others));
  }
  return steps;
}

void append_prompt_logprobs(std::string& out, const Tokenizer& tokenizer,
                            const std::vector<LogprobStep>& steps) {
  out += '[';
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (i == 0) {
      out += "null";  // nothing comes before the first token, so nothing predicts it
      continue;
    }
    out += ",{";
    append_ranked(out, tokenizer, steps[i].chosen, 1);
    for (std::size_t other = 0; other < steps[i].others.size(); ++other) {
      out += ',';
      append_ranked(out, tokenizer, steps[i].others[other], other + 2);
    }
    out += '}';
  }
  out += ']';
}

}  // namespace olla::sim
