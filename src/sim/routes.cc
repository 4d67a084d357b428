#include "sim/routes.h"

#include <algorithm>
#include <array>

namespace olla::sim {
namespace {

constexpr Service kGenerate = Service::kGenerate;
constexpr Service kEmbed = Service::kEmbed;
constexpr Service kTranscribe = Service::kTranscribe;
constexpr Service kAll = Service::kAll;

constexpr auto kRoutes = std::to_array<Route>({
    {"/health", "GET", kAll, {}},
    {"/ping", "GET, POST", kAll, {}},
    {"/version", "GET", kAll, {}},
    {"/load", "GET", kAll, {}},
    {"/metrics", "GET", kAll, {}},
    {"/v1/models", "GET", kAll, {}},
    {"/v1/chat/completions", "POST", kGenerate, "Chat Completions"},
    {"/v1/completions", "POST", kGenerate, "Completions"},
    {"/v1/embeddings", "POST", kEmbed, "Embeddings"},
    {"/score", "POST", kEmbed, "Score"},
    {"/v1/score", "POST", kEmbed, "Score"},
    {"/rerank", "POST", kEmbed, "Rerank (Score)"},
    {"/v1/rerank", "POST", kEmbed, "Rerank (Score)"},
    {"/v2/rerank", "POST", kEmbed, "Rerank (Score)"},
    {"/classify", "POST", kEmbed, "Classification"},
    {"/pooling", "POST", kEmbed, "Pooling"},
    {"/v1/audio/transcriptions", "POST", kTranscribe, "Transcriptions"},
    {"/tokenize", "POST", kAll, {}},
    {"/detokenize", "POST", kAll, {}},
    // No vLLM has these: they make one fall ill.
    {"/sim/drain", "POST", kAll, {}},
    {"/sim/hang", "POST", kAll, {}},
    {"/sim/kill_engine", "POST", kAll, {}},
});

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

const Route* find_route(std::string_view path) {
  const auto* const at = std::find_if(kRoutes.begin(), kRoutes.end(),
                                      [path](const Route& route) { return route.path == path; });
  return at == kRoutes.end() ? nullptr : at;
}

bool serves(Service service, const Route& route) {
  return service == Service::kAll || route.service == Service::kAll || route.service == service;
}

bool allows(const Route& route, std::string_view method) {
  if (route.allow == "GET, POST") return method == "GET" || method == "POST";
  return method == route.allow;
}

std::string decoded_path(std::string_view target) {
  const std::size_t scheme = target.find("://");
  if (!target.starts_with('/') && scheme != std::string_view::npos) {
    const std::size_t slash = target.find('/', scheme + 3);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  target = target.substr(0, target.find_first_of("?#"));
  std::string path;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const bool encoded = target[i] == '%' && target.size() - i > 2;
    const int high = encoded ? hex_digit(target[i + 1]) : -1;
    const int low = encoded ? hex_digit(target[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      path += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      path += target[i];
    }
  }
  return path;
}

}  // namespace olla::sim
