#include "config/endpoint_type.h"

#include <algorithm>
#include <iterator>

namespace olla::config {
namespace {

constexpr EndpointType kTypes[] = {
    {"vllm", "", "/health", "/v1/models"},
    {"vllm-mlx", "", "/health", "/v1/models"},
    {"openai-compatible", " openai ", "/v1/models", "/v1/models"},
    {"ollama", "", "/", "/api/tags"},
    {"llamacpp", "", "/health", "/v1/models"},
    {"litellm", "", "/health", "/v1/models"},
    {"docker-model-runner", " dmr ", "/engines/v1/models", "/engines/v1/models"},
    {"lm-studio", " lmstudio lm_studio ", "/v1/models", "/api/v0/models"},
    {"sglang", "", "/health", "/v1/models"},
    {"lmdeploy", "", "/health", "/v1/models"},
    {"lemonade", "", "/api/v1/health", "/api/v1/models"},
    {"omlx", "", "/health", "/v1/models"},
};

}  // namespace

const EndpointType* endpoint_type(std::string_view name) {
  if (name.empty() || name.find(' ') != std::string_view::npos) return nullptr;
  const std::string alias = " " + std::string(name) + " ";
  const auto* found =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const EndpointType& type) {
        return type.name == name || type.aliases.find(alias) != std::string_view::npos;
      });
  return found == std::end(kTypes) ? nullptr : found;
}

std::string endpoint_type_names() {
  std::string names;
  for (const EndpointType& type : kTypes) {
    if (!names.empty()) names += ", ";
    names += type.name;
  }
  return names;
}

}  // namespace olla::config
