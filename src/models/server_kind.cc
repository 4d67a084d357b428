#include "models/server_kind.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "config/profile.h"
#include "models/parse.h"
#include "openai/request.h"

namespace olla::models {
namespace {

using config::ModelListFormat;

// Servers that put their own name beside each of their models, and what the type is called here.
struct Owner {
  std::string_view owned_by;
  std::string_view type;
};

constexpr auto kOwners = std::to_array<Owner>({
    {"vllm", "vllm"},
    {"vllm-mlx", "vllm-mlx"},
    {"llamacpp", "llamacpp"},
    {"sglang", "sglang"},
    {"lmdeploy", "lmdeploy"},
    {"omlx", "omlx"},
    {"lemonade", "lemonade"},
    {"docker", "docker-model-runner"},
});

/// Of a list in which all models have one owner.
std::string_view kind_by_owner(std::string_view body) {
  const auto models = parse_list(ModelListFormat::kOpenAi, body);
  if (!models || models->empty()) return {};
  const std::string& owner = models->front().owned_by;
  const bool shared =
      std::all_of(models->begin(), models->end(),
                  [&owner](const ModelEntry& entry) { return entry.owned_by == owner; });
  const auto* const found = std::find_if(
      kOwners.begin(), kOwners.end(), [&](const Owner& known) { return known.owned_by == owner; });
  return shared && found != kOwners.end() ? found->type : std::string_view();
}

std::string_view kind_by_ollama_version(std::string_view body) {
  return openai::text_member(body, "version") ? "ollama" : std::string_view();
}

/// LM Studio tells of each model whether it is loaded; it answers 200 to unknown paths too.
std::string_view kind_by_states(std::string_view body) {
  const auto models = parse_list(ModelListFormat::kLmStudio, body);
  const bool told = models && std::any_of(models->begin(), models->end(), [](const auto& entry) {
                      return !entry.details.state.empty();
                    });
  return told ? "lm-studio" : std::string_view();
}

/// Lemonade tells by which recipe a model runs.
std::string_view kind_by_recipes(std::string_view body) {
  const auto models = parse_list(ModelListFormat::kLemonade, body);
  const bool told = models && std::any_of(models->begin(), models->end(), [](const auto& entry) {
                      return !entry.details.recipe.empty();
                    });
  return told ? "lemonade" : std::string_view();
}

std::string_view kind_by_engines(std::string_view body) {
  return is_openai_list(body) ? "docker-model-runner" : std::string_view();
}

/// What llama.cpp's server says of its settings.
std::string_view kind_by_settings(std::string_view body) {
  return body.find("\"default_generation_settings\"") != std::string_view::npos
             ? "llamacpp"
             : std::string_view();
}

constexpr auto kQuestions = std::to_array<KindQuestion>({
    {"/v1/models", kind_by_owner},
    // Before Ollama: llama.cpp takes its questions too.
    {"/props", kind_by_settings},
    {"/api/version", kind_by_ollama_version},
    {"/api/v0/models", kind_by_states},
    {"/api/v1/models", kind_by_recipes},
    {"/engines/v1/models", kind_by_engines},
});

}  // namespace

std::span<const KindQuestion> kind_questions() {
  return kQuestions;
}

bool is_openai_list(std::string_view body) {
  // A document without a list counts as an empty one elsewhere; here it must be one.
  return parse_list(ModelListFormat::kOpenAi, body).has_value() &&
         body.find("\"data\"") != std::string_view::npos;
}

}  // namespace olla::models
