#include "config/profile.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "config/ascii.h"

namespace olla::config {
namespace {

constexpr std::string_view kCommonest = "openai-compatible";

/// A Profile as the table has it; lists have blanks between their members.
struct Row {
  std::string_view name;
  std::string_view prefixes;
  std::string_view health_check_path;
  std::string_view models_path;
  ModelListFormat model_list;
  std::string_view messages_path;
  std::string_view paths;
  std::string_view management_paths = {};
};

constexpr ModelListFormat kOpenAi = ModelListFormat::kOpenAi;
constexpr ModelListFormat kOllama = ModelListFormat::kOllama;
constexpr ModelListFormat kLmStudio = ModelListFormat::kLmStudio;
constexpr ModelListFormat kLemonade = ModelListFormat::kLemonade;

// clang-format off
constexpr Row kRows[] = {
    {"vllm", "vllm", "/health", "/v1/models", kOpenAi, "/v1/messages",
     "/health /metrics /version /load /ping /v1/models /v1/chat/completions /v1/completions "
     "/v1/embeddings /v1/messages /v1/messages/count_tokens /v1/responses "
     "/v1/audio/transcriptions /v1/audio/translations /tokenize /detokenize /v1/tokenize "
     "/v1/detokenize /rerank /v1/rerank /v2/rerank /score /v1/score /classify /pooling "
     "/get_tokenizer_info"},
    {"vllm-mlx", "vllm-mlx", "/health", "/v1/models", kOpenAi, "/v1/messages",
     "/health /v1/models /v1/chat/completions /v1/completions /v1/embeddings /v1/messages "
     "/v1/messages/count_tokens"},
    {"openai-compatible", "openai openai-compatible", "/v1/models", "/v1/models", kOpenAi, "",
     "/v1/models /v1/chat/completions /v1/completions /v1/embeddings"},
    {"ollama", "ollama", "/", "/api/tags", kOllama, "/v1/messages",
     "/ /api/generate /api/chat /api/embeddings /api/embed /api/tags /api/show /api/ps "
     "/api/version /v1/models /v1/chat/completions /v1/completions /v1/embeddings /v1/messages",
     "/api/pull /api/push /api/create /api/copy /api/delete /api/blobs/*"},
    {"llamacpp", "llamacpp", "/health", "/v1/models", kOpenAi, "/v1/messages",
     "/v1/models /completion /v1/completions /v1/chat/completions /embedding /v1/embeddings "
     "/tokenize /detokenize /infill /v1/messages /v1/messages/count_tokens",
     "/models/load /models/unload /slots/*"},
    {"litellm", "litellm", "/health", "/v1/models", kOpenAi, "",
     "/ /health /v1/chat/completions /v1/completions /v1/embeddings /v1/models /chat/completions "
     "/completions /embeddings /models /health/readiness /health/liveness",
     "/model/new /model/update /model/delete /key/* /user/* /team/* /config/*"},
    {"docker-model-runner", "dmr", "/engines/v1/models", "/engines/v1/models", kOpenAi,
     "/anthropic/v1/messages",
     "/engines/v1/models /engines/v1/chat/completions /engines/v1/completions "
     "/engines/v1/embeddings /engines/llama.cpp/v1/models /engines/llama.cpp/v1/chat/completions "
     "/engines/llama.cpp/v1/completions /engines/llama.cpp/v1/embeddings /engines/vllm/v1/models "
     "/engines/vllm/v1/chat/completions /engines/vllm/v1/completions /engines/vllm/v1/embeddings "
     "/anthropic/v1/messages"},
    {"lm-studio", "lmstudio lm-studio lm_studio", "/v1/models", "/api/v0/models", kLmStudio,
     "/v1/messages",
     "/v1/models /v1/chat/completions /v1/completions /v1/embeddings /api/v0/models /v1/messages",
     "/api/v1/models/load /api/v1/models/unload /api/v1/models/download"},
    {"sglang", "sglang", "/health", "/v1/models", kOpenAi, "",
     "/health /metrics /version /v1/models /v1/chat/completions /v1/completions /v1/embeddings "
     "/generate /batch /extend /v1/chat/completions/vision",
     "/flush_cache /abort_request /update_weights* /release_memory_occupation "
     "/resume_memory_occupation /load_lora_adapter /unload_lora_adapter /start_profile "
     "/stop_profile"},
    {"lmdeploy", "lmdeploy", "/health", "/v1/models", kOpenAi, "",
     "/health /v1/models /v1/chat/completions /v1/completions /v1/encode /generate /pooling "
     "/is_sleeping"},
    {"lemonade", "lemonade", "/api/v1/health", "/api/v1/models", kLemonade, "",
     "/api/v1/health /api/v1/stats /api/v1/system-info /api/v1/models /api/v1/chat/completions "
     "/api/v1/completions /api/v1/embeddings",
     "/api/v0/pull /api/v0/load /api/v0/unload /api/v0/delete /api/v1/pull /api/v1/load "
     "/api/v1/unload /api/v1/delete /v1/pull /v1/load /v1/unload /v1/delete"},
    {"omlx", "omlx", "/health", "/v1/models", kOpenAi, "/v1/messages",
     "/health /v1/models /v1/models/status /v1/chat/completions /v1/completions /v1/embeddings "
     "/v1/messages /v1/messages/count_tokens /v1/responses /v1/rerank"},
};
// clang-format on

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::vector<Profile> builtin_table() {
  std::vector<Profile> profiles;
  for (const Row& row : kRows) {
    Profile& profile = profiles.emplace_back();
    profile.name = row.name;
    profile.prefixes = words(row.prefixes);
    profile.health_check_path = row.health_check_path;
    profile.models_path = row.models_path;
    profile.model_list = row.model_list;
    profile.messages_path = row.messages_path;
    profile.paths = words(row.paths);
    profile.management_paths = words(row.management_paths);
  }
  return profiles;
}

/// Two spellings of one type have the same plain form.
std::string plain_form(std::string_view type) {
  std::string plain = lower_ascii(type);
  std::replace(plain.begin(), plain.end(), '_', '-');
  return plain;
}

template <class Range, class Text>
std::string joined(const Range& range, const Text& text) {
  std::string all;
  for (const auto& member : range)
    for (const std::string& one : text(member))
      all.append(all.empty() ? "" : ", ").append(one);
  return all;
}

}  // namespace

Profiles::Profiles(std::vector<Profile> profiles) : profiles_(std::move(profiles)) {
  OLLA_CHECK(of_type(kCommonest) != nullptr);
  for (const Profile& profile : profiles_) {
    for (const std::string& path : profile.paths)
      by_path_[path].push_back(&profile);
  }
}

const Profile* Profiles::of_type(std::string_view type) const {
  const std::string plain = plain_form(type);
  for (const Profile& profile : profiles_) {
    if (plain_form(profile.name) == plain) return &profile;
  }
  for (const Profile& profile : profiles_) {
    for (const std::string& prefix : profile.prefixes) {
      if (plain_form(prefix) == plain) return &profile;
    }
  }
  return nullptr;
}

const Profile* Profiles::of_prefix(std::string_view prefix) const {
  for (const Profile& profile : profiles_) {
    for (const std::string& own : profile.prefixes) {
      if (own == prefix) return &profile;
    }
  }
  return nullptr;
}

std::span<const Profile* const> Profiles::with_path(std::string_view path) const {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return {};
  return found->second;
}

const Profile& Profiles::openai_compatible() const {
  // Asked for each request: its own name is nearly always the first that fits.
  for (const Profile& profile : profiles_) {
    if (profile.name == kCommonest) return profile;
  }
  return *of_type(kCommonest);
}

std::string Profiles::names() const {
  return joined(profiles_, [](const Profile& profile) { return std::span(&profile.name, 1); });
}

std::string Profiles::prefixes() const {
  return joined(profiles_, [](const Profile& profile) { return std::span(profile.prefixes); });
}

const std::shared_ptr<const Profiles>& builtin_profiles() {
  static const auto profiles = std::make_shared<const Profiles>(builtin_table());
  return profiles;
}

}  // namespace olla::config
