#include "models/name.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "config/ascii.h"

namespace olla::models {
namespace {

using config::is_digit;
using config::is_letter;
using config::lower_ascii;

// Where one name is the beginning of another, the longer one comes first.
constexpr std::string_view kFamilies[] = {
    "codellama",      "tinyllama", "llama",    "llava",     "bakllava",  "mistral",
    "mixtral",        "ministral", "devstral", "codestral", "magistral", "pixtral",
    "voxtral",        "codeqwen",  "qwen",     "qwq",       "qvq",       "codegemma",
    "embeddinggemma", "gemma",     "phi",      "deepseek",  "gpt-oss",   "gpt",
    "granite",        "command",   "yi",       "falcon",    "starcoder", "nemotron",
    "olmo",           "chatglm",   "glm",      "kimi",      "minimax",   "minicpm",
    "internlm",       "internvl",  "baichuan", "bloom",     "opt",       "mpt",
    "stablelm",       "smollm",    "nomic",    "bge",       "e5",        "gte",
    "minilm",         "jina",      "whisper",  "dbrx",      "solar",     "vicuna",
    "wizardlm",       "zephyr",    "hermes",   "exaone",    "aya",       "jamba",
    "mamba",          "rwkv",      "dolphin",  "orca",      "openchat",  "moondream",
    "ernie",          "hunyuan",   "mimo",     "claude",    "gemini",
};

// Spelled as whole words between separators.
constexpr std::string_view kQuantizations[] = {
    "awq",  "gptq", "fp4",  "fp8",   "fp16", "bf16",  "f16",   "f32",
    "fp32", "int4", "int8", "w4a16", "w8a8", "w8a16", "nvfp4", "mxfp4",
    "2bit", "3bit", "4bit", "5bit",  "6bit", "8bit",  "eetq",  "hqq",
};

bool separates(char c) {
  return c == '-' || c == '_' || c == ':' || c == '@' || c == ' ' || c == '/' || c == '(' ||
         c == ')';
}

/// The words of a name, in lower case, without its organisation.
std::vector<std::string_view> words_of(std::string_view base) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < base.size();) {
    std::size_t end = at;
    while (end < base.size() && !separates(base[end]))
      ++end;
    if (end > at) words.push_back(base.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

std::size_t digits_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_digit(text[end]))
    ++end;
  return end - at;
}

/// The length of a number such as "7" or "1.5" at `at`; 0 when there is none.
std::size_t number_at(std::string_view text, std::size_t at) {
  const std::size_t whole = digits_at(text, at);
  if (whole == 0) return 0;
  if (at + whole >= text.size() || text[at + whole] != '.') return whole;
  const std::size_t part = digits_at(text, at + whole + 1);
  return part == 0 ? whole : whole + 1 + part;
}

/// Whether a word such as "8b", "1.5b", "137m" or "8x7b" counts parameters.
bool is_parameter_size(std::string_view word) {
  std::size_t at = number_at(word, 0);
  if (at == 0) return false;
  if (at < word.size() && word[at] == 'x') {
    const std::size_t more = number_at(word, at + 1);
    if (more == 0) return false;
    at += 1 + more;
  }
  return at + 1 == word.size() && (word[at] == 'b' || word[at] == 'm');
}

/// A version such as "3.1", "r1", "v0.2" or "4o".
bool is_version(std::string_view word) {
  if (is_parameter_size(word)) return false;
  std::size_t at = !word.empty() && is_letter(word[0]) ? 1 : 0;
  const std::size_t start = at;
  while (at < word.size() && (is_digit(word[at]) || (word[at] == '.' && at > start)))
    ++at;
  if (at == start) return false;
  return at == word.size() || (at + 1 == word.size() && is_letter(word[at]));
}

struct Family {
  std::string_view name = {};
  std::size_t end = 0;  // In the base name, behind the family's.
};

Family family_in(std::string_view base) {
  for (std::size_t at = 0; at < base.size(); ++at) {
    if (at > 0 && !separates(base[at - 1])) continue;
    for (const std::string_view family : kFamilies) {
      if (!base.substr(at).starts_with(family)) continue;
      const std::size_t end = at + family.size();
      if (end == base.size() || !is_letter(base[end])) return {family, end};
    }
  }
  return {};
}

std::string variant_behind(std::string_view base, std::size_t at) {
  if (at < base.size() && (base[at] == '-' || base[at] == '_' || base[at] == ':')) ++at;
  std::size_t end = at;
  while (end < base.size() && !separates(base[end]))
    ++end;
  const std::string_view word = base.substr(at, end - at);
  return is_version(word) ? std::string(word) : std::string();
}

std::string upper_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

/// "q4_k_m" and "iq3_xs" of llama.cpp hold what otherwise separates words.
std::string llama_cpp_quantization(std::string_view base) {
  for (std::size_t at = 0; at < base.size(); ++at) {
    if (at > 0 && !separates(base[at - 1]) && base[at - 1] != '.') continue;
    std::size_t end = at;
    if (base[end] == 'i') ++end;
    if (end + 1 >= base.size() || base[end] != 'q' || !is_digit(base[end + 1])) continue;
    while (end < base.size() && (is_letter(base[end]) || is_digit(base[end]) || base[end] == '_'))
      ++end;
    return upper_ascii(base.substr(at, end - at));
  }
  return {};
}

bool contains_any(std::string_view text, std::span<const std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [text](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

struct NameRule {
  std::array<std::string_view, 4> words;
  std::array<std::string_view, 3> capabilities;
};

// Olla's table: what a word anywhere in a name says of the model.
constexpr NameRule kNameRules[] = {
    {{"code", "coder", "codegen", "starcoder"},
     {"code-generation", "programming", "code-completion"}},
    {{"instruct", "chat", "assistant", ""}, {"instruction-following", "chat", ""}},
    {{"reasoning", "think", "", ""}, {"reasoning", "logic", ""}},
    {{"math", "", "", ""}, {"mathematics", "problem-solving", ""}},
};

struct ContextRule {
  std::int64_t tokens;
  std::string_view capability;
};
constexpr ContextRule kContextRules[] = {
    {32'000, "extended-context"},
    {100'000, "long-context"},
    {1'000'000, "ultra-long-context"},
};

void add_once(std::vector<std::string>& list, std::string word) {
  if (std::find(list.begin(), list.end(), word) == list.end()) list.push_back(std::move(word));
}

std::string base_name(std::string_view id) {
  const std::size_t slash = id.find_last_of('/');
  return lower_ascii(slash == std::string_view::npos ? id : id.substr(slash + 1));
}

bool says(const Details& details, std::string_view word) {
  return std::any_of(details.capabilities.begin(), details.capabilities.end(),
                     [word](const std::string& each) { return lower_ascii(each) == word; });
}

}  // namespace

NameParts parts_of_name(std::string_view id) {
  const std::string base = base_name(id);
  NameParts parts;
  const Family family = family_in(base);
  parts.family = family.name;
  if (!family.name.empty()) parts.variant = variant_behind(base, family.end);
  parts.quantization = llama_cpp_quantization(base);
  for (const std::string_view word : words_of(base)) {
    if (parts.parameter_size.empty() && is_parameter_size(word)) {
      parts.parameter_size = word;
      parts.parameter_size.back() = parts.parameter_size.back() == 'b' ? 'B' : 'M';
    }
    if (parts.quantization.empty() &&
        std::find(std::begin(kQuantizations), std::end(kQuantizations), word) !=
            std::end(kQuantizations))
      parts.quantization = upper_ascii(word);
  }
  return parts;
}

std::optional<std::int64_t> parameter_count(std::string_view size) {
  const std::string word = lower_ascii(size);
  if (!is_parameter_size(word) || word.size() > 16) return std::nullopt;
  double count = word.back() == 'b' ? 1e9 : 1e6;
  for (std::size_t at = 0; at + 1 < word.size();) {
    const std::size_t length = number_at(word, at);
    count *= std::stod(word.substr(at, length));
    at += length + 1;  // Behind the 'x', or to the unit.
  }
  if (count > 1e18) return std::nullopt;
  return std::llround(count);
}

std::string parameter_size(std::int64_t parameters) {
  const bool billions = parameters >= 1'000'000'000;
  const double count = static_cast<double>(parameters) / (billions ? 1e9 : 1e6);
  const std::int64_t tenths = std::llround(count * 10);
  std::string out = std::to_string(tenths / 10);
  if (tenths % 10 != 0) out += '.' + std::to_string(tenths % 10);
  return out + (billions ? 'B' : 'M');
}

const char* to_string(Kind kind) {
  switch (kind) {
    case Kind::kText:
      return "llm";
    case Kind::kVision:
      return "vlm";
    case Kind::kEmbeddings:
      return "embeddings";
    case Kind::kReranking:
      break;
  }
  return "rerank";
}

Kind kind_of(const ModelEntry& entry) {
  const Details& details = entry.details;
  if (details.type == "vlm") return Kind::kVision;
  if (details.type == "embeddings" || details.type == "embedding") return Kind::kEmbeddings;
  if (says(details, "vision")) return Kind::kVision;
  if (says(details, "embedding") || says(details, "embeddings")) return Kind::kEmbeddings;
  if (says(details, "reranking")) return Kind::kReranking;
  if (details.type == "llm") return Kind::kText;

  static constexpr std::string_view kReranking[] = {"rerank"};
  static constexpr std::string_view kEmbeddings[] = {"embed", "minilm"};
  static constexpr std::string_view kVision[] = {"vision", "vlm", "llava", "pixtral", "-vl-"};
  const std::string base = base_name(entry.id);
  const std::string_view family = family_in(base).name;
  if (contains_any(base, kReranking)) return Kind::kReranking;
  if (contains_any(base, kEmbeddings) || family == "bge" || family == "e5" || family == "gte")
    return Kind::kEmbeddings;
  if (contains_any(base, kVision) || base.ends_with("-vl") || family == "internvl" ||
      family == "moondream")
    return Kind::kVision;
  return Kind::kText;
}

std::vector<std::string> capabilities_of(const ModelEntry& entry) {
  std::vector<std::string> out;
  const Kind kind = kind_of(entry);
  if (kind == Kind::kEmbeddings) out = {"embeddings", "vector-search"};
  if (kind == Kind::kReranking) out = {"reranking"};
  if (kind == Kind::kText || kind == Kind::kVision) {
    out = {"text-generation"};
    const std::string base = base_name(entry.id);
    for (const NameRule& rule : kNameRules) {
      const bool named = std::any_of(rule.words.begin(), rule.words.end(), [&base](auto word) {
        return !word.empty() && base.find(word) != std::string::npos;
      });
      if (!named) continue;
      for (const std::string_view capability : rule.capabilities)
        if (!capability.empty()) add_once(out, std::string(capability));
    }
  }
  if (kind == Kind::kVision) {
    for (const char* capability : {"vision", "multimodal", "image-understanding"})
      add_once(out, capability);
  }
  for (const ContextRule& rule : kContextRules)
    if (entry.max_model_len.value_or(0) >= rule.tokens) add_once(out, std::string(rule.capability));
  for (const std::string& told : entry.details.capabilities) {
    std::string word = lower_ascii(told);
    std::replace(word.begin(), word.end(), '_', '-');
    add_once(out, std::move(word));
  }
  return out;
}

}  // namespace olla::models
